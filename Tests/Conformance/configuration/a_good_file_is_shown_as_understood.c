// holds: kaio_testparm returns 0 for a good file and shows it as it is understood, and says nothing on stderr.
// source: kaio
#include "configuration.h"

int main(void) {
    char path[PATH_MAX], other[PATH_MAX];
    static struct report report, again;
    configuration_file(other, "other.conf", "[included]\n  path = /i\\\n  /j\n");
    configuration_file(path, "good.conf",
                       "# a comment\n"
                       "[Global]\n"
                       "  VFS Objects = ordered \\\n"
                       "      aio_linux\n"
                       "  aio_linux:aio num events = 64\n"
                       "  AIO_LINUX:AioNumEvents = 128\n"
                       "; another\n"
                       "include = other.conf\n"
                       "[slow disk]\n"
                       "  path = /data/* \"/mnt/with blanks/*.db\" /a\\ b/[!a-z]?\n"
                       "  vfs objects = stats ordered aio_pthread\n"
                       "  stats:service = \" 100%% \"\n"
                       "[plain]\n"
                       "  path = pipe:*\n"
                       "  vfs objects =\n");
    check_file(&report, path);
    EQUAL(report.result, 0);
    SAYS(report.errors, "");
    SAYS(report.output,
         "[global]\n"
         "\tvfs objects = ordered aio_linux\n"
         "\taio_linux:aio num events = 128\n"
         "\n[included]\n"
         "\tpath = /i /j\n"
         "\tvfs objects = ordered aio_linux\n"
         "\n[slow disk]\n"
         "\tpath = /data/* \"/mnt/with blanks/*.db\" /a\\ b/[!a-z]?\n"
         "\tvfs objects = stats ordered aio_pthread\n"
         "\tstats:service = \" 100%% \"\n"
         "\n[plain]\n"
         "\tpath = pipe:*\n"
         "\tvfs objects = ordered aio_linux aio_poll aio_pthread\n");
    // What it shows is a file itself, and means the same.
    check_file(&again, configuration_file(path, "again.conf", report.output));
    EQUAL(again.result, 0);
    SAYS(again.output, report.output);
}

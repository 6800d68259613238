// SQLite with O_DIRECT, by the functions of <aio.h>: an extension that SQLite loads (`.load ./direct`). Databases that are opened
// afterwards are read and written past the page cache; journals and temporary files are as ever.
//
// SQLite reads and writes at any offset and from any address, which O_DIRECT takes only with a cache between the two: kaio's bufio. A process
// has the database to itself, as other processes' changes would not be seen at once.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3ext.h>
#include <string.h>
#include <unistd.h>
SQLITE_EXTENSION_INIT1

struct file {
    sqlite3_file base;
    int descriptor;
    // With what is written and not synced.
    sqlite3_int64 size;
    // SQLite's own file, for locks and all else.
    sqlite3_file *other;
};

static sqlite3_vfs *standard;

static struct file *of(sqlite3_file *file) { return (struct file *)file; }

// Waits for a request; its result, or -1 with errno.
static ssize_t finish(struct aiocb *control) {
    const struct aiocb *const list[] = {control};
    while (aio_error(control) == EINPROGRESS) aio_suspend(list, 1, NULL);
    errno = aio_error(control);
    return aio_return(control);
}

static int transfer(struct file *file, int is_write, void *buffer, int length, sqlite3_int64 offset) {
    int done = 0;
    while (done < length) {
        struct aiocb control = {
            .aio_fildes = file->descriptor,
            .aio_buf = (char *)buffer + done,
            .aio_nbytes = (size_t)(length - done),
            .aio_offset = offset + done,
        };
        if ((is_write ? aio_write(&control) : aio_read(&control)) != 0) return -1;
        ssize_t count = finish(&control);
        if (count < 0) return -1;
        if (count == 0) break;
        done += (int)count;
    }
    return done;
}

static int read_some(sqlite3_file *file, void *buffer, int length, sqlite3_int64 offset) {
    int done = transfer(of(file), 0, buffer, length, offset);
    if (done < 0) return SQLITE_IOERR_READ;
    if (done == length) return SQLITE_OK;
    memset((char *)buffer + done, 0, (size_t)(length - done));
    return SQLITE_IOERR_SHORT_READ;
}

static int write_some(sqlite3_file *file, const void *buffer, int length, sqlite3_int64 offset) {
    int done = transfer(of(file), 1, (void *)buffer, length, offset);
    if (done < length) return done < 0 && errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    if (offset + length > of(file)->size) of(file)->size = offset + length;
    return SQLITE_OK;
}

static int synchronize(sqlite3_file *file, int flags) {
    (void)flags;
    struct aiocb control = {.aio_fildes = of(file)->descriptor};
    return aio_fsync(O_SYNC, &control) == 0 && finish(&control) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

static int truncate_to(sqlite3_file *file, sqlite3_int64 size) {
    // What is cut off must not be written afterwards.
    int error = synchronize(file, 0);
    if (error == SQLITE_OK) error = of(file)->other->pMethods->xTruncate(of(file)->other, size);
    if (error == SQLITE_OK) of(file)->size = size;
    return error;
}

static int size_of(sqlite3_file *file, sqlite3_int64 *size) {
    *size = of(file)->size;
    return SQLITE_OK;
}

static int close_both(sqlite3_file *file) {
    int error = of(file)->other->pMethods->xClose(of(file)->other);
    // Last: it ends the process's locks on the file.
    return close(of(file)->descriptor) == 0 ? error : SQLITE_IOERR_CLOSE;
}

static int lock(sqlite3_file *file, int level) { return of(file)->other->pMethods->xLock(of(file)->other, level); }
static int unlock(sqlite3_file *file, int level) { return of(file)->other->pMethods->xUnlock(of(file)->other, level); }
static int is_reserved(sqlite3_file *file, int *result) {
    return of(file)->other->pMethods->xCheckReservedLock(of(file)->other, result);
}
static int control_file(sqlite3_file *file, int what, void *argument) {
    return of(file)->other->pMethods->xFileControl(of(file)->other, what, argument);
}
static int sector_size(sqlite3_file *file) { return of(file)->other->pMethods->xSectorSize(of(file)->other); }
static int characteristics(sqlite3_file *file) {
    return of(file)->other->pMethods->xDeviceCharacteristics(of(file)->other);
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = close_both,
    .xRead = read_some,
    .xWrite = write_some,
    .xTruncate = truncate_to,
    .xSync = synchronize,
    .xFileSize = size_of,
    .xLock = lock,
    .xUnlock = unlock,
    .xCheckReservedLock = is_reserved,
    .xFileControl = control_file,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = characteristics,
};

static int open_both(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
    (void)vfs;
    if (!(flags & SQLITE_OPEN_MAIN_DB) || name == NULL) return standard->xOpen(standard, name, file, flags, flags_out);
    struct file *mine = of(file);
    memset(mine, 0, sizeof *mine);
    mine->other = (sqlite3_file *)(mine + 1);
    int given = flags;
    int error = standard->xOpen(standard, name, mine->other, flags, &given);
    if (error != SQLITE_OK) return error;
    mine->descriptor = open(name, (given & SQLITE_OPEN_READONLY ? O_RDONLY : O_RDWR) | O_DIRECT | O_CLOEXEC);
    error = mine->other->pMethods->xFileSize(mine->other, &mine->size);
    if (mine->descriptor < 0 || error != SQLITE_OK) {
        mine->other->pMethods->xClose(mine->other);
        if (mine->descriptor >= 0) close(mine->descriptor);
        return SQLITE_CANTOPEN;
    }
    if (flags_out) *flags_out = given;
    mine->base.pMethods = &methods;
    return SQLITE_OK;
}

int sqlite3_direct_init(sqlite3 *database, char **message, const sqlite3_api_routines *api) {
    (void)database;
    (void)message;
    SQLITE_EXTENSION_INIT2(api)
    static sqlite3_vfs direct;
    standard = sqlite3_vfs_find("unix-excl");
    if (!standard) return SQLITE_ERROR;
    direct = *standard;
    direct.zName = "direct";
    direct.szOsFile = (int)sizeof(struct file) + standard->szOsFile;
    direct.xOpen = open_both;
    return sqlite3_vfs_register(&direct, 1) == SQLITE_OK ? SQLITE_OK_LOAD_PERMANENTLY : SQLITE_ERROR;
}

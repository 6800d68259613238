// Copies a file with an ACE proactor, blocks of 4 KiB: ace suspend|signals DEPTH FROM TO. Prints the blocks per second.
#include <ace/Asynch_IO.h>
#include <ace/Message_Block.h>
#include <ace/OS_NS_fcntl.h>
#include <ace/OS_NS_sys_stat.h>
#include <ace/POSIX_Proactor.h>
#include <ace/Proactor.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

static const size_t block = 4096;

[[noreturn]] static void stop(const char *what) {
    perror(what);
    exit(1);
}

class Copy : public ACE_Handler {
public:
    long begun = 0, done = 0;
    const long blocks;

    Copy(ACE_Proactor &proactor, const char *from, const char *to) : blocks(ACE_OS::filesize(from) / (long)block) {
        int source = ACE_OS::open(from, O_RDONLY), target = ACE_OS::open(to, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (source < 0 || target < 0) stop("open");
        if (reader.open(*this, source, nullptr, &proactor) != 0) stop("reader");
        if (writer.open(*this, target, nullptr, &proactor) != 0) stop("writer");
    }

    void read_next() {
        if (begun == blocks) return;
        u_long offset = (u_long)begun++ * block;
        if (reader.read(*new ACE_Message_Block(block), block, (u_int)offset, (u_int)(offset >> 32)) != 0) stop("read");
    }

    void handle_read_file(const ACE_Asynch_Read_File::Result &result) override {
        if (!result.success()) stop("a read");
        u_long offset = result.offset();
        if (writer.write(result.message_block(), result.bytes_transferred(), (u_int)offset, (u_int)(offset >> 32)) != 0)
            stop("write");
    }

    void handle_write_file(const ACE_Asynch_Write_File::Result &result) override {
        if (!result.success()) stop("a write");
        result.message_block().release();
        done++;
        read_next();
    }

private:
    ACE_Asynch_Read_File reader;
    ACE_Asynch_Write_File writer;
};

int main(int, char **words) {
    ACE_POSIX_Proactor *way;
    if (strcmp(words[1], "signals") == 0) way = new ACE_POSIX_SIG_Proactor(512);
    else way = new ACE_POSIX_AIOCB_Proactor(512);
    ACE_Proactor proactor(way, true);
    Copy copy(proactor, words[3], words[4]);
    auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < atoi(words[2]); i++) copy.read_next();
    while (copy.done < copy.blocks) proactor.handle_events();
    printf("%.0f\n", (double)copy.blocks / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

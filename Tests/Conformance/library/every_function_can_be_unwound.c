// holds: Every function of the library has unwind tables (.eh_frame), so that a cancellation, a backtrace or a debugger comes through.
// source: kaio
#include "../check.h"
#include <elf.h>

// The object's own start and end code, which nothing unwinds through, has none: that is at the beginning of .text.
enum { START_CODE = 512, PADDING = 32 };

// Whether this is what linkers put behind the code on AArch64, for a fault of the Cortex-A53 (erratum 843419): a load or a
// store that was moved there, and a branch back, among fillers. What unwinds does so from calls, and there are none.
static int is_of_the_linker(const unsigned char *code, uint64_t size) {
#ifdef __aarch64__
    uint32_t words[2];
    for (uint64_t at = 0; at + 4 <= size; at += 4) {
        memcpy(words, code + at, at + 8 <= size ? 8 : 4);
        int is_filler = words[0] == 0 || words[0] == 0xd503201f, is_branch = words[0] >> 26 == 5;
        if (is_filler || is_branch) continue;
        int is_access = (words[0] >> 25 & 5) == 4, branches_then = at + 8 <= size && words[1] >> 26 == 5;
        if (!is_access || !branches_then) return 0;
    }
    return 1;
#endif
    (void)code, (void)size;
    return 0;
}

struct range {
    uint64_t start, end;
};

static int by_start(const void *a, const void *b) {
    const struct range *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

int main(void) {
    int file = open(getenv("CHECK_LIBRARY"), O_RDONLY | O_CLOEXEC);
    struct stat status;
    OK(fstat(file, &status));
    const unsigned char *base = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(base != MAP_FAILED);
    const Elf64_Ehdr *header = (const void *)base;
    const Elf64_Shdr *sections = (const void *)(base + header->e_shoff), *text = NULL, *tables = NULL;
    const char *names = (const char *)base + sections[header->e_shstrndx].sh_offset;
    for (int i = 0; i < header->e_shnum; i++) {
        if (strcmp(names + sections[i].sh_name, ".text") == 0) text = &sections[i];
        if (strcmp(names + sections[i].sh_name, ".eh_frame") == 0) tables = &sections[i];
    }
    CHECK(text && tables);
    static struct range ranges[1 << 16];
    size_t count = 0;
    const unsigned char *at = base + tables->sh_offset, *end = at + tables->sh_size;
    while (at + 4 <= end) {
        uint32_t length, entry;
        int32_t start;
        uint32_t size;
        memcpy(&length, at, 4);
        if (length == 0) break;
        memcpy(&entry, at + 4, 4);
        if (entry != 0) {
            // The linker makes all of these relative to their place, in four bytes.
            memcpy(&start, at + 8, 4);
            memcpy(&size, at + 12, 4);
            uint64_t place = tables->sh_addr + (uint64_t)(at + 8 - (base + tables->sh_offset));
            CHECK(count < sizeof ranges / sizeof *ranges);
            ranges[count].start = place + (uint64_t)(int64_t)start;
            ranges[count].end = ranges[count].start + size;
            if (ranges[count].start >= text->sh_addr && ranges[count].start < text->sh_addr + text->sh_size) count++;
        }
        at += 4 + length;
    }
    qsort(ranges, count, sizeof *ranges, by_start);
    printf("%zu functions in %llu bytes of code; the tables have %llu bytes\n", count,
           (unsigned long long)text->sh_size, (unsigned long long)tables->sh_size);
    uint64_t covered = text->sh_addr;
    for (size_t i = 0; i <= count; i++) {
        uint64_t next = i < count ? ranges[i].start : text->sh_addr + text->sh_size;
        if (next > covered && next - covered >= (i == 0 ? START_CODE : PADDING) &&
            !is_of_the_linker(base + text->sh_offset + (covered - text->sh_addr), next - covered))
            failed(__FILE__, __LINE__, "no table for the code from %#llx to %#llx", (unsigned long long)covered,
                   (unsigned long long)next);
        if (i < count && ranges[i].end > covered) covered = ranges[i].end;
    }
    return 0;
}

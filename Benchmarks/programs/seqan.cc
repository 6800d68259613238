// Fills and sums a SeqAn string that lives in a file, pages of 16 KiB, one of 64 in memory at a time: seqan. Prints the pages per second.
#include <seqan/file.h>

#include <chrono>
#include <cstdio>

int main() {
    using Numbers = seqan::String<unsigned, seqan::External<seqan::ExternalConfigLarge<seqan::File<seqan::Async<>>, 4096, 64>>>;
    const unsigned count = 1 << 24;
    auto began = std::chrono::steady_clock::now();
    Numbers numbers;
    seqan::resize(numbers, count);
    for (unsigned i = 0; i < count; i++) numbers[i] = i * 7;
    unsigned wrong = 0;
    for (unsigned i = 0; i < count; i++) wrong += numbers[i] != i * 7;
    if (wrong) return fprintf(stderr, "%u numbers are wrong\n", wrong), 1;
    printf("%.0f\n", 2 * count / 4096 / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

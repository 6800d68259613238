// Writes 256 MiB with eckit's AIOHandle, 64 pieces of 1 MiB in flight, and syncs: eckit TO. Prints the MiB per second.
#include <eckit/io/AIOHandle.h>
#include <eckit/runtime/Main.h>

#include <chrono>
#include <cstdio>
#include <vector>

int main(int count, char **words) {
    enum { pieces = 256, size = 1 << 20 };
    eckit::Main::initialise(count, words);
    std::vector<char> piece(size);
    auto began = std::chrono::steady_clock::now();
    eckit::AIOHandle file(words[1], 64, size, true);
    file.openForWrite(0);
    for (int i = 0; i < pieces; i++) {
        piece.assign(size, (char)i);
        file.write(piece.data(), size);
    }
    file.flush();
    file.close();
    printf("%.0f\n", pieces / std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

"""What `Benchmarks/bench bufio` measures: the module bufio beside what there is without it, in one interleaved run.

Each round measures the two sides of each row one after the other; a row's figure is the median of the rounds' ratios, with
quartiles. BENCH_ROUNDS says how many (9).
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
STACK = "bufio ordered aio_linux aio_poll aio_pthread"
MIB = 1 << 20


def main(library):
    rounds = int(os.environ.get("BENCH_ROUNDS", "9"))
    place = os.environ.get("BENCH_DIRECTORY", ROOT / ".build")
    with tempfile.TemporaryDirectory(dir=place, prefix="bench-bufio-") as directory:
        directory = pathlib.Path(directory)
        program, preload = directory / "bufio", directory / "libkaio.so"
        shutil.copy(library, preload)
        compiled = subprocess.run(
            [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-o", program, ROOT / "Benchmarks/bufio.c",
             "-laio"])
        if compiled.returncode != 0:
            sys.exit("bench: bufio.c does not compile")
        small, large, huge = directory / "small", directory / "large", directory / "huge"
        for path, size in ((small, 64), (large, 512)):
            with open(path, "wb") as file:
                for _ in range(size):
                    file.write(os.urandom(MIB))
                file.flush()
                os.fsync(file.fileno())
        with open(huge, "wb") as file:
            file.truncate(1 << 40)
            # Whole blocks are read of what is no hole, too.
            file.write(os.urandom(MIB))

        def run(parameters, *words):
            environment = {key: value for key, value in os.environ.items() if not key.startswith(("KAIO_", "LD_"))}
            if parameters is not None:
                environment |= {"LD_PRELOAD": str(preload), "KAIO_RING_AFTER": "0"}
            if parameters:
                environment |= {"KAIO_VFS_OBJECTS": STACK, "KAIO_VFS_PARAMETERS": parameters}
            result = subprocess.run([program, *map(str, words)], env=environment, capture_output=True, text=True, timeout=300)
            if result.returncode != 0:
                sys.exit(f"bench: {' '.join(map(str, words))}: {result.stderr.strip()}")
            return json.loads(result.stdout)

        # The row, the target, what is measured without and with the module.
        rows = [
            ("hit, aio_read 4k, depth 1, beside a page-cache hit through kaio", 0.85,
             ("", "hit", small, 300), ("bufio:size=64M", "hit", f"+{small}", 300)),
            ("a hit beside one with bufio:verify", None,
             ("bufio:size=64M; bufio:verify=yes", "hit", f"+{small}", 300), ("bufio:size=64M", "hit", f"+{small}", 300)),
            ("O_DIRECT read 4k, depth 32, 90 % in a tenth of 64 MiB, beside libaio", 5,
             (None, "skew", "raw", small, 500), ("bufio:size=12M", "skew", "posix", small, 500)),
            ("the same of 512 MiB", 5,
             (None, "skew", "raw", large, 700), ("bufio:size=64M", "skew", "posix", large, 700)),
            ("write-back: 64 MiB of random 4k writes and aio_fsync, beside libaio", 1.5,
             (None, "write", "raw", small), ("bufio:size=100M; bufio:mode=writeback", "write", "posix", small)),
            ("write-through: the same, beside kaio without it", None,
             ("", "write", "posix", small), ("bufio:size=100M", "write", "posix", small)),
            ("all misses, depth 32, beside kaio without it", 0.9,
             ("", "miss", "posix", large, 500), ("bufio:size=64M", "miss", "posix", large, 500)),
        ]
        ratios = {row[0]: [] for row in rows}
        for _ in range(rounds):
            for title, _, without, with_it in rows:
                ratios[title].append(run(*without)["ns"] / run(*with_it)["ns"])
        print(f"| rate, as a multiple; medians of {rounds} rounds (quartiles) | | target |\n| --- | ---: | ---: |")
        for title, target, _, _ in rows:
            low, middle, high = statistics.quantiles(ratios[title], n=4) if rounds > 1 else ratios[title] * 3
            print(f"| {title} | {middle:.2f} ({low:.2f} to {high:.2f}) | {target or ''} |")

        few, many = [], []
        for _ in range(max(3, rounds // 3)):
            few.append(run("bufio:size=1024k; bufio:block=512; bufio:prefetch=0", "evict", large, 2000)["ns"])
            many.append(run("bufio:size=690M; bufio:block=512; bufio:prefetch=0", "evict", large, 131072)["ns"])
        low, high = statistics.median(few), statistics.median(many)
        print(f"| a miss that evicts, with 1,000,000 blocks beside 1,000 | {high / low:.2f} | 0.8 to 1.2 |")
        budget = 64 * MIB
        taken = run("bufio:size=64M", "memory", huge, 64)["bytes"]
        print(f"| resident memory for a budget of 64 MiB, file of 1 TiB | {taken / budget:.3f} | 0.95 to 1.05 |")
        print(f"\nLoad of the machine at the end: {' '.join(map(str, os.getloadavg()))}")

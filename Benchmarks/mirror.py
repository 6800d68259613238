"""What `Benchmarks/bench mirror` measures: the module mirror beside one leg alone, in one interleaved run.

The disks are made up (disk.c): a module below, one for each leg and one for the log, that does one request after the other, each in
400 us, on files in memory, so that the legs are independent, whatever the machine has. Only the CPU time is that on a real disk. Each round measures the two sides of each row one after the
other; a row's figure is the median of the rounds' ratios, with quartiles. BENCH_ROUNDS says how many (7).
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
STANDARD = "ordered aio_linux aio_poll aio_pthread"
DISKS = "ordered disk aio_linux aio_poll aio_pthread"
MIB = 1 << 20


def main(library):
    rounds = int(os.environ.get("BENCH_ROUNDS", "7"))
    place = os.environ.get("BENCH_DIRECTORY", ROOT / ".build")
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else place
    with (tempfile.TemporaryDirectory(dir=memory, prefix="bench-mirror-") as directory,
          tempfile.TemporaryDirectory(dir=place, prefix="bench-mirror-") as real):
        directory, real = pathlib.Path(directory).resolve(), pathlib.Path(real).resolve()
        program, preload = directory / "mirror", directory / "libkaio.so"
        shutil.copy(library, preload)
        compiler = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", "-I", ROOT / "include", "-o"]
        for words in ([program, ROOT / "Benchmarks/mirror.c"], [directory / "disk.so", "-shared", "-fPIC", ROOT / "Benchmarks/disk.c"]):
            if subprocess.run([*compiler, *words]).returncode != 0:
                sys.exit(f"bench: {words[-1].name} does not compile")
        one, two, log = directory / "one", directory / "two", directory / "log"

        def run(stack, parameters, *words, disks=True):
            environment = {key: value for key, value in os.environ.items() if not key.startswith(("KAIO_", "LD_"))}
            environment |= {"LD_PRELOAD": str(preload), "KAIO_RING_AFTER": "0", "KAIO_VFS_OBJECTS": stack}
            if parameters:
                environment["KAIO_VFS_PARAMETERS"] = parameters
            if disks:
                environment |= {"KAIO_MODULE_DIR": str(directory), "DISK_US": "400"}
            result = subprocess.run([program, *map(str, words)], env=environment, capture_output=True, text=True, timeout=300)
            if result.returncode != 0:
                sys.exit(f"bench: {' '.join(map(str, words))}: {result.stderr.strip()}")
            return json.loads(result.stdout)

        def begin(size=64):
            """Two legs in sync."""
            for path in (two, log):
                path.unlink(missing_ok=True)
            with open(one, "wb") as file:
                for _ in range(size):
                    file.write(os.urandom(MIB))
                file.flush()
                os.fsync(file.fileno())
            run(f"mirror {STANDARD}", parameters("mirror:resync rate=10G"), "wait", one, two, disks=False)

        def parameters(*more, kind=None):
            return "; ".join((f"mirror:legs={two}", f"mirror:log={kind or log}", *more))

        alone = (DISKS, None)
        mirrored = (f"mirror {DISKS}", parameters())
        rows = [
            ("reads, depth 32, two legs in sync, beside one leg", "iops", 1.8, True,
             lambda: run(*mirrored, "read", one, 1000, 32), lambda: run(*alone, "read", other, 1000, 32)),
            ("writes, depth 32, regions dirty already, beside one leg", "iops", 0.9, True,
             lambda: run(*mirrored, "write", one, 1000, 32), lambda: run(*alone, "write", other, 1000, 32)),
            ("the same, each write the first of its region", "iops", 0.5, True,
             lambda: run(f"mirror {DISKS}", regions, "first", small, 1000, 32), lambda: run(*alone, "first", other, 1000, 32)),
            ("CPU time of a write, the log in memory, beside that without the module", "cpu_us", 2.2, False,
             lambda: run(f"mirror {STANDARD}", f"mirror:legs={real}/two; mirror:resync rate=10G", "write", real / "one", 700, 32,
                         disks=False),
             lambda: run(STANDARD, None, "write", real / "one", 700, 32, disks=False)),
        ]

        # What is written to without the mirror is another file, and so is that of small regions, as a log keeps its own.
        other = directory / "other"
        other.write_bytes(os.urandom(64 * MIB))
        small, copy, record = directory / "small", directory / "small-copy", directory / "small-log"
        small.write_bytes(os.urandom(64 * MIB))
        regions = f"mirror:legs={copy}; mirror:log={record}; mirror:region size=4k"

        run(f"mirror {STANDARD}", f"{regions}; mirror:resync rate=10G", "wait", small, copy, disks=False)
        begin()
        # So small that it is in sync when what is measured begins.
        (real / "one").write_bytes(os.urandom(8 * MIB))
        results = {title: [] for title, *_ in rows}
        for number in range(rounds):
            for title, value, _, _, above, below in rows:
                sides = [above, below] if number % 2 == 0 else [below, above]
                got = {side: side() for side in sides}
                results[title].append((got[above][value] / got[below][value], got[above][value], got[below][value]))
        for title, value, target, is_more, *_ in rows:
            show(title, results[title], target, is_more, value)

        rates, ratios = [], []
        for _ in range(min(rounds, 5)):
            two.unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            rates.append(run(f"mirror {STANDARD}", parameters("mirror:resync rate=50M"), "wait", one, two, disks=False)
                         ["bytes_per_s"] / (50 * MIB))
            quiet = run(f"mirror {DISKS}", parameters(), "write", one, 1500, 4, 2000)
            two.unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            busy = run(f"mirror {DISKS}", parameters("mirror:resync rate=50M"), "write", one, 1500, 4, 2000)
            ratios.append((busy["p99_us"] / quiet["p99_us"], busy["p99_us"], quiet["p99_us"]))
        print(f"{'recovery beside an idle program, of the allowed rate of 50 MiB/s':72} {statistics.median(rates):6.2f}   target >= 0.9")
        show("p99 of a busy program's writes beside recovery, beside that without", ratios, 2, False, "p99_us")


def show(title, results, target, is_more, value):
    ratios = sorted(ratio for ratio, *_ in results)
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else [ratios[0]] * 3
    above, below = (statistics.median(result[side] for result in results) for side in (1, 2))
    print(f"{title:72} {quartiles[1]:6.2f}   target {'>=' if is_more else '<='} {target}   quartiles {quartiles[0]:.2f} to "
          f"{quartiles[2]:.2f}; {value} {above:,.1f} and {below:,.1f}")

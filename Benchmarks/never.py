"""What `Benchmarks/bench never-blocks` measures: how long aio_read and aio_write take where the kernel sleeps in io_submit though it
is asked not to (RWF_NOWAIT), and what the slow path loses for that.

The slow disk is a loop device over a file of a FUSE server that answers 20 ms late (never.c), with ext4 on it; it needs root. Each
figure is of a new process, of 1,000 calls, or as many as there are in so many seconds. CHECK_OTHER names an object that the second
part compares with, as it was before a change; BENCH_ROUNDS says how many rounds that has (9).
"""

import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIB = 1 << 20
CALLS, SECONDS, LATE = 1000, 8, 20_000
SITUATIONS = {
    "server": "1. what a file's attributes are, its server says late (FUSE), buffered reads",
    "metadata": "2. the map of a file with 65,000 extents is not in memory, buffered reads",
    "queue": "3. the device's queue has room for 4, O_DIRECT reads",
    "size": "4. pages that were never touched, 32 MiB (4 at depth 32, 1.5 at 600), O_DIRECT reads past the end",
    "journal": "5. another thread has the file system synchronized, O_DIRECT overwrites",
    "page": "6. the buffer's pages are those of a slow file, cached reads",
}


def command(*words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    if result.returncode != 0:
        raise OSError(f"{words[0]}: {result.stderr.strip() or result.returncode}")
    return result.stdout.strip()


class Disk:
    """The slow one."""

    def __init__(self, directory, program, stack):
        self.program, self.control = program, directory / "control"
        self.served, self.mounted = directory / "served", directory / "mounted"
        for path in (self.served, self.mounted):
            path.mkdir()
        server = subprocess.Popen([program, "serve", self.served, "512", self.control], stderr=subprocess.DEVNULL)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        for _ in range(50):
            if os.path.ismount(self.served):
                break
            if server.poll() is not None:
                raise OSError("FUSE can't be mounted")
            time.sleep(0.1)
        stack.callback(self.undo, "umount", "-l", self.served)
        self.loop = command("losetup", "--find", "--show", self.served / "data")
        stack.callback(self.undo, "losetup", "--detach", self.loop)
        command("mkfs.ext4", "-q", "-b", "1024", "-E", "lazy_itable_init=0", self.loop)
        self.mount()
        stack.callback(self.undo, "umount", self.mounted)
        stack.callback(self.delay, 0)
        command(program, "holes", self.mounted / "holes", 65000)
        for name in ("file", "other", "pages"):
            with open(self.mounted / name, "wb") as file:
                file.write(os.urandom(64 * MIB))
                os.fsync(file.fileno())
        self.delay(0)

    @staticmethod
    def undo(*words):
        for _ in range(50):
            if subprocess.run(words, stderr=subprocess.DEVNULL).returncode == 0:
                return
            time.sleep(0.1)
        print(f"bench: {' '.join(map(str, words))} failed", file=sys.stderr)

    def mount(self):
        command("mount", self.loop, self.mounted)

    def delay(self, data, attributes=0):
        command(self.program, "delay", self.control, data, attributes)

    def forget(self):
        """Nothing of it is in memory."""
        self.delay(0)
        for _ in range(50):
            with contextlib.suppress(OSError):
                command("umount", self.mounted)
                break
            time.sleep(0.1)
        self.mount()

    def queue(self, size):
        pathlib.Path(f"/sys/block/{os.path.basename(self.loop)}/queue/nr_requests").write_text(str(size))


def main(library):
    place = os.environ.get("BENCH_DIRECTORY", ROOT / ".build")
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place, prefix="bench-never-"))).resolve()
        program = directory / "never"
        shutil.copy(library, directory / "libkaio.so")
        if subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", "-o", program,
                           ROOT / "Benchmarks/never.c"]).returncode != 0:
            sys.exit("bench: never.c does not compile")
        with open(directory / "file", "wb") as file:
            for _ in range(64):
                file.write(os.urandom(MIB))
            os.fsync(file.fileno())

        def call(way, situation, depth, calls, *files):
            environment = {key: value for key, value in os.environ.items() if not key.startswith(("KAIO_", "LD_"))}
            if way == "posix":
                environment |= {"LD_PRELOAD": str(directory / "libkaio.so"), "KAIO_RING_AFTER": "0"}
            result = subprocess.run([program, "call", way, situation, str(depth), str(calls), str(SECONDS), *map(str, files)],
                                    env=environment, capture_output=True, text=True, timeout=300)
            if result.returncode != 0:
                sys.exit(f"bench: {situation}: {result.stderr.strip()}")
            return json.loads(result.stdout)

        never(directory, program, call, stack)
        if other := os.environ.get("CHECK_OTHER"):
            shutil.copy(other, directory / "other.so")
            compare(directory)


def never(directory, program, call, stack):
    disk, why = None, "it needs root"
    if os.geteuid() == 0:
        try:
            disk = Disk(directory, program, stack)
        except OSError as error:
            why = str(error)
    print(f"the call that submits: median, of {CALLS} calls so many above 1 ms (and asleep, not without a processor), the longest")
    for situation, title in SITUATIONS.items():
        print(title)
        if disk is None and situation != "size":
            print(f"  left out: {why}")
            continue
        for depth in (1, 32, 600):
            if situation == "queue" and depth == 1:
                continue
            row = []
            for way in ("posix", "raw"):
                if situation == "server":
                    files = [disk.served / "data"]
                    disk.delay(0, LATE)
                elif situation == "size":
                    files = [directory / "file"]
                elif situation == "page":
                    disk.forget()
                    files = [directory / "file", disk.mounted / "pages"]
                    disk.delay(LATE)
                else:
                    disk.forget()
                    disk.queue(4 if situation == "queue" else 128)
                    files = [disk.mounted / ("holes" if situation == "metadata" else "file")]
                    if situation == "journal":
                        files.append(disk.mounted / "other")
                    disk.delay(LATE)
                values = call(way, situation, depth, CALLS, *files)
                row.append(f"{'kaio' if way == 'posix' else 'io_submit'} {values['p50_ns'] / 1000:9,.1f} us, "
                           f"{values['over']:4} ({values['slept']:4}) of {values['calls']:4}, {values['longest_ns'] / 1e6:7,.1f} ms")
                if disk:
                    disk.delay(0)
            print(f"  depth {depth:3}  " + "   ".join(row), flush=True)


def compare(directory):
    """Where none of the six is: the same reads with the other object, in turns."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "9"))
    print(f"4k reads a second to the other object's, median of {rounds} ratios and their quartiles (not below 0.98)")
    for place in ("cached", "direct"):
        for depth in (1, 32):
            ratios, times = [], []
            for number in range(rounds):
                values = {}
                for name in ("libkaio.so", "other.so")[::1 if number % 2 else -1]:
                    result = subprocess.run([directory / "never", "rate", place, str(depth), os.environ.get("BENCH_MS", "700"), directory / "file"],
                                            env={"LD_PRELOAD": str(directory / name), "KAIO_RING_AFTER": "0"}, capture_output=True, text=True,
                                            timeout=60, check=True)
                    values[name] = json.loads(result.stdout)
                mine, other = values["libkaio.so"], values["other.so"]
                ratios.append(mine["rate"] / other["rate"])
                times.append(other["cpu_us"] / mine["cpu_us"])
            figures = ["{1:.3f} ({0:.3f} to {2:.3f})".format(*statistics.quantiles(list_, n=4)) for list_ in (ratios, times)]
            print(f"  {place:6}  depth {depth:2}  {figures[0]}, for each second of CPU time {figures[1]}", flush=True)

#!/usr/bin/env python3
"""Prints the SHA-256 of a file, read with many requests in flight.

    ./digest.py [-n REQUESTS] [-b BYTES] FILE
"""
import argparse
import hashlib
import os
import sys

import kaio


def blocks(file, size, length, most):
    """The file's blocks, in order; the next ones are in flight meanwhile."""
    begin = 0
    requests = []
    while True:
        while len(requests) < most and begin < size:
            try:
                requests.append((begin, kaio.read(file, min(length, size - begin), begin)))
            except BlockingIOError:
                if not requests:
                    raise
                most = len(requests)
            else:
                begin += length
        if not requests:
            return
        offset, request = requests.pop(0)
        data = request.result()
        end = min(offset + length, size)
        # A read may be short; at the end of a file that became shorter it is empty.
        while offset + len(data) < end:
            more = kaio.read(file, end - offset - len(data), offset + len(data)).result()
            if not more:
                raise EOFError("the file became shorter")
            data += more
        yield data


def main():
    parser = argparse.ArgumentParser(description="Prints the SHA-256 of a file, read with many requests in flight.")
    parser.add_argument("-n", type=int, default=32, metavar="REQUESTS", help="in flight at most (32)")
    parser.add_argument("-b", type=int, default=65536, metavar="BYTES", help="in a request (65536)")
    parser.add_argument("file")
    options = parser.parse_args()
    if options.n < 1 or options.b < 1:
        parser.error("-n and -b are at least 1")
    digest = hashlib.sha256()
    with open(options.file, "rb", buffering=0) as file:
        for data in blocks(file, os.fstat(file.fileno()).st_size, options.b, options.n):
            digest.update(data)
    print(f"{digest.hexdigest()}  {options.file}")


try:
    main()
except KeyboardInterrupt:
    sys.exit(130)
except (OSError, EOFError) as error:
    sys.exit(f"digest: {error}")

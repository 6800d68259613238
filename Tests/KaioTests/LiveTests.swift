// The page that kaio top reads: its buckets, and counting in it. Tests/Conformance/live has the rest.

import CKernel
import Glibc
import Testing

@testable import Kaio

/// A page in a file of the test's own, at which somebody looks; the test counts in it and reads it.
private func withPage(_ body: (LivePage, UnsafeMutableRawPointer) throws -> Void) throws {
    let path = try #require(PathTemplate(text("/var/tmp/kaio-test-live-%p")))
    var error = 0
    let page = try #require(LivePage.make(path, error: &error), "errno \(-error)")
    let file = path.with { Int(open(UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self), O_RDWR)) }
    LivePage.remove(path)
    try #require(ftruncate(CInt(file), live_size()) == 0)
    let view = try #require(mmap(nil, live_size(), PROT_READ | PROT_WRITE, MAP_SHARED, CInt(file), 0))
    defer {
        munmap(view, live_size())
        close(CInt(file))
    }
    try body(page, view)
}

/// Text that lives as long as the process.
private func text(_ string: String) -> Text { Text(UnsafePointer(strdup(string)!)) }

private func facts(_ inode: UInt64) -> FileFacts {
    FileFacts(device: 1, inode: inode, size: 0, kind: .file, statusFlags: 0)
}

@Suite(.serialized) struct `The live page` {
    @Test func `has a bucket for every latency, less than an eighth too high`() {
        var random = SystemRandomNumberGenerator()
        var values: [UInt64] = []
        for power in UInt64(0)..<38 { values += [1 << power &- 1, 1 << power, 1 << power + 1] }
        for _ in 0..<100_000 { values.append(random.next() >> UInt64.random(in: 27...63)) }
        for value in values {
            let bucket = live_bucket(value)
            #expect((0..<CInt(LIVE_BUCKETS)).contains(bucket))
            // From there on all are in the last one.
            guard value < 1 << 36 else {
                #expect(bucket == CInt(LIVE_BUCKETS) - 1)
                continue
            }
            let bound = live_bound(bucket)
            #expect(bound >= value && bound - value < max(128, (value + 7) / 8), "\(value): \(bound)")
            #expect(bucket == 0 || live_bound(bucket - 1) < value)
        }
    }

    @Test func `counts a file's requests in one place, whatever descriptor they have`() throws {
        try withPage { page, view in
            let one = TestFile()
            let other = one.reopened(O_RDWR)
            defer { close(other) }
            for number in [one.descriptor, other, one.descriptor] {
                let descriptor = Descriptor(number: number)
                let place = page.begin(.write, descriptor, FileFacts(descriptor)!)
                page.end(place, 100, 5000)
            }
            let used = (0..<CInt(LIVE_FILES)).filter { live_file(view, $0).pointee.key != 0 }
            #expect(used.count == 1)
            #expect(live_counter(live_file(view, used[0]), 1, CInt(LIVE_OVER)).pointee == 3)
            #expect(live_counter(live_file(view, used[0]), 1, CInt(LIVE_BYTES)).pointee == 300)
            #expect(live_latency(live_file(view, used[0]), 1, live_bucket(5000)).pointee == 3)
        }
    }

    @Test func `says nothing of a descriptor that is another file's by now`() throws {
        try withPage { page, view in
            let file = TestFile()
            page.end(page.begin(.read, Descriptor(number: file.descriptor), facts(4711)), 1, 1)
            let used = (0..<CInt(LIVE_FILES)).filter { live_file(view, $0).pointee.key != 0 }
            #expect(used.count == 1 && live_file(view, used[0]).pointee.path_length == 0)
        }
    }

    @Test func `loses nothing when several threads take places`() throws {
        try withPage { page, view in
            let (threads, rounds, files) = (4, 3000, 400)
            concurrently(threads) { number in
                for round in 0..<rounds {
                    let place = page.begin(.read, .none, facts(UInt64((round + number) % files)))
                    page.end(place, round % 7 == 0 ? -Int(EIO) : 1, Int64(round))
                }
            }
            var (over, failed, keys) = (UInt64(0), UInt64(0), Set<UInt64>())
            for number in 0..<CInt(LIVE_FILES) {
                let file = live_file(view, number)!
                over += live_counter(file, 0, CInt(LIVE_OVER)).pointee
                failed += live_counter(file, 0, CInt(LIVE_FAILED)).pointee
                if file.pointee.key != 0 { #expect(keys.insert(file.pointee.key).inserted, "a file is there twice") }
            }
            #expect(over == UInt64(threads * rounds))
            #expect(failed == UInt64(threads * ((rounds + 6) / 7)))
            #expect(keys.count == Int(LIVE_FILES) - 1)
        }
    }

    @Test func `is watched until the time that somebody says, and not for ever`() throws {
        try withPage { page, view in
            let until = live_word(view, CInt(LIVE_WORD_UNTIL))!
            #expect(!page.isWatched)
            until.pointee = UInt64(Instant.now.nanoseconds + LIVE_LOOK)
            #expect(page.isWatched)
            for nonsense in [1, UInt64(Instant.now.nanoseconds + 100 * LIVE_LOOK), .max] {
                until.pointee = nonsense
                #expect(!page.isWatched && until.pointee == 0)
            }
        }
    }
}

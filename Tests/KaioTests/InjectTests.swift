import CKaio
import CKernel
import Glibc
import Synchronization
import Testing

@testable import Kaio

private typealias Rule = ErrorInject.Rule

/// The rules of a text, or nil.
private func withRules(_ text: String, _ body: (UnsafeMutablePointer<ErrorInject.Rule>, Int?) -> Void) {
    let rules = UnsafeMutablePointer<ErrorInject.Rule>.allocate(capacity: 20)
    text.withCString { body(rules, ErrorInject.parse(Text($0), rules, .none)) }
}

/// Of the first 20 requests that a rule is about, those that it fails.
private func due(_ rule: String, seed: UInt64 = 1) -> [Int] {
    var numbers: [Int] = []
    withRules(rule) { rules, count in
        #expect(count == 1)
        for number in 1...20 where rules[0].isDue(Dice(seed: seed), 0) { numbers.append(number) }
    }
    return numbers
}

@Suite struct `A rule of error_inject` {
    @Test func `is operations, an error, and conditions`() {
        withRules("write ENOSPC after 5; read, fsync EIO 0.5% range 1M-2M ;; any 71 every 3 first 9;") { rules, count in
            #expect(count == 3)
            #expect(rules[0].operations.contains(.write) && !rules[0].operations.contains(.read))
            #expect(rules[0].error == ENOSPC && rules[0].first == 6 && rules[0].last == .max)
            #expect(rules[1].operations.contains(.read) && rules[1].operations.contains(.synchronize))
            #expect(rules[1].error == EIO && rules[1].chance == 5000)
            #expect(rules[1].start == 1 << 20 && rules[1].end == 2 << 20)
            #expect(rules[2].error == 71 && rules[2].every == 3 && rules[2].last == 9 && rules[2].end == 0)
        }
        withRules("") { _, count in #expect(count == 0) }
        withRules(" ; ") { _, count in #expect(count == 0) }
        withRules("read EIO range 1G-") { rules, count in
            #expect(count == 1 && rules[0].start == 1 << 30 && rules[0].end == .max)
        }
    }

    @Test(arguments: [
        "EIO", "read", "open EIO", "read EWHAT", "read 0", "read 4096", "read EINPROGRESS", "read 115", "read eio",
        "read EIO 101%", "read EIO nth", "read EIO nth 0", "read EIO nth x", "read EIO often 3", "read EIO range 5",
        "read EIO range 2-1", "read EIO range 1-1", "read EIO range -5", "write EIO; read",
    ])
    func `that makes no sense is none`(_ text: String) async {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) { [text] in withRules(text) { _, count in check(count == nil) } }
        let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(said.hasPrefix("kaio: error_inject:rules = "))
        #expect(said.contains("not a rule"))
    }

    @Test func `counts the requests that it is about`() {
        #expect(due("read EIO") == Array(1...20))
        #expect(due("read EIO nth 3") == [3])
        #expect(due("read EIO every 6") == [6, 12, 18])
        #expect(due("read EIO first 2") == [1, 2])
        #expect(due("read EIO after 18") == [19, 20])
        #expect(due("read EIO after 4 every 5 first 15") == [5, 10, 15])
        #expect(due("read EIO 0%") == [])
        #expect(due("read EIO 100%") == Array(1...20))
        let half = due("read EIO 50%")
        #expect(half == due("read EIO 50%") && (3...17).contains(half.count))
        #expect(half != due("read EIO 50%", seed: 2))
        #expect(due("read EIO 50% after 10") == half.filter { $0 > 10 })
    }

    @Test func `with a range is about what overlaps it`() async {
        await #expect(processExitsWith: .success) {
            withRequests(1) { requests in
                withRules("read write EIO range 100-200") { rules, _ in
                    for (offset, length, operation, isAbout) in [
                        (0, 100, .read, false), (0, 101, .read, true), (199, 1, .write, true), (200, 1, .write, false),
                        (150, 10, .synchronize, false), (0, 1000, .write, true), (Int.max, 10, .read, false),
                    ] as [(Int, Int, Operation, Bool)] {
                        requests[0].operation = operation
                        requests[0].offset = offset
                        requests[0].length = length
                        check(rules[0].isAbout(requests[0]), is: isAbout)
                    }
                }
            }
        }
    }

    @Test func `names each error as the C library does`() {
        for (name, number) in [
            ("EIO", EIO), ("ENOSPC", ENOSPC), ("EDQUOT", EDQUOT), ("EFBIG", EFBIG), ("EAGAIN", EAGAIN),
            ("EBADF", EBADF),
            ("EINVAL", EINVAL), ("ENOMEM", ENOMEM), ("EINTR", EINTR), ("EPERM", EPERM), ("EACCES", EACCES),
            ("EROFS", EROFS), ("EPIPE", EPIPE), ("ETIMEDOUT", ETIMEDOUT), ("ENXIO", ENXIO), ("ENODEV", ENODEV),
            ("EREMOTEIO", EREMOTEIO), ("ESTALE", ESTALE), ("ENOLINK", ENOLINK), ("EOVERFLOW", EOVERFLOW),
            ("EOPNOTSUPP", EOPNOTSUPP), ("EFAULT", EFAULT), ("ECANCELED", ECANCELED), ("ENOBUFS", ENOBUFS),
            ("ECONNRESET", ECONNRESET), ("ENOTCONN", ENOTCONN), ("ECOMM", ECOMM), ("EBUSY", EBUSY), ("ESPIPE", ESPIPE),
            ("EISDIR", EISDIR), ("ENOSYS", ENOSYS), ("ENODATA", ENODATA), ("EILSEQ", EILSEQ), ("EMSGSIZE", EMSGSIZE),
            ("EHOSTDOWN", EHOSTDOWN), ("ESHUTDOWN", ESHUTDOWN), ("ENETDOWN", ENETDOWN), ("ENOMEDIUM", ENOMEDIUM),
            ("EKEYREJECTED", EKEYREJECTED), ("EBADMSG", EBADMSG), ("EUCLEAN", EUCLEAN), ("ENOTSUP", EOPNOTSUPP),
            ("EWOULDBLOCK", EAGAIN), ("EHOSTUNREACH", EHOSTUNREACH),
        ] {
            #expect(name.withCString { ErrorName.number(of: Text($0)) } == number, "\(name)")
        }
        #expect(ErrorName.number(of: Text("5")) == 5)
        #expect(ErrorName.number(of: Text("EI")) == nil)
    }
}

@Suite struct `A delay` {
    private func settings(_ text: String) -> DelayInject.Settings? {
        text.withCString { DelayInject.settings(Parameters(Text($0))) }
    }

    @Test func `is fixed, uniform or exponential, within its bounds`() throws {
        let fixed = try #require(settings("delay_inject:delay=3ms"))
        #expect(fixed.delay(0) == 3_000_000 && fixed.delay(0.999) == 3_000_000)
        #expect(try #require(settings("")).delay(0.5) == 0)
        let uniform = try #require(settings("delay_inject:minimum=1ms;delay_inject:maximum=3ms"))
        #expect(uniform.delay(0) == 1_000_000 && uniform.delay(0.5) == 2_000_000)
        #expect((2_999_000...3_000_000).contains(uniform.delay(0.9999)))
        let exponential = try #require(
            settings("delay_inject:distribution=exponential;delay_inject:delay=10ms;delay_inject:maximum=50ms"))
        #expect(exponential.delay(0) == 0)
        #expect(abs(exponential.delay(0.5) - 6_931_471) < 2)
        #expect(exponential.delay(0.9999999999) == 50_000_000)
        #expect(exponential.delay(1.0.nextDown) == 50_000_000)
    }

    @Test func `has a logarithm as good as the C library's`() {
        for (value, logarithm) in [
            (1, 0), (2, 0.6931471805599453), (0.5, -0.6931471805599453), (0.1, -2.302585092994046),
            (1.9999, 0.6930971793099), (10, 2.302585092994046), (1e-10, -23.025850929940457),
            (0.7, -0.35667494393873245),
        ] {
            #expect(abs(naturalLogarithm(value) - logarithm) < 1e-9, "\(value)")
        }
    }
}

@Suite struct `The modules together` {
    @Test func `lose no request among threads that submit, cancel and wait`() async {
        await #expect(processExitsWith: .success) {
            setenv(
                "KAIO_VFS_OBJECTS", "readahead ordered error_inject aio_ratelimit delay_inject aio_linux aio_poll", 1)
            setenv(
                "KAIO_VFS_PARAMETERS",
                "error_inject:rules=any EIO 5%;aio_ratelimit:read_iops=5000;aio_ratelimit:write_bytes=10M;"
                    + "delay_inject:maximum=1ms;readahead:after=2", 1)
            let file = TestFile(size: 1 << 20)
            let done = Atomic<Int>(0)
            let failed = Atomic<Int>(0)
            let cancelled = Atomic<Int>(0)
            concurrently(4) { number in
                var random = SystemRandomNumberGenerator()
                for round in 0..<100 {
                    let jobs = (0..<8).map { Job(file.descriptor, length: 4096, at: (round + $0) % 200 * 4096) }
                    for (index, job) in jobs.enumerated() {
                        check((index + number) % 3 == 0 ? job.write() : job.read(), is: 0)
                    }
                    if random.next() % 4 == 0 { aio_cancel(file.descriptor, jobs[Int(random.next() % 8)].control) }
                    if number == 0, round % 20 == 0 { aio_cancel(file.descriptor, nil) }
                    for job in jobs {
                        switch job.finish() {
                        case (4096, 0): done.wrappingAdd(1, ordering: .relaxed)
                        case (-1, EIO): failed.wrappingAdd(1, ordering: .relaxed)
                        case (-1, ECANCELED): cancelled.wrappingAdd(1, ordering: .relaxed)
                        case (let result, let error): check(result * 1000 + Int(error), is: 0)
                        }
                    }
                }
            }
            check(done.load(ordering: .relaxed) > 1000)
            check(failed.load(ordering: .relaxed) > 10)
            check(cancelled.load(ordering: .relaxed) > 10)
            check(Timers.next, is: .never)
        }
    }
}

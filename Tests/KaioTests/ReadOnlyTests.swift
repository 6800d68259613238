import CKernel
import Glibc
import Testing

@testable import Kaio

@Suite struct `A period of the day` {
    private func period(_ text: String) -> Period? { text.withCString { Period(Text($0)) } }

    @Test func `is from its first second to the one before its last, also over midnight`() throws {
        let day = try #require(period("09:00-17:30"))
        #expect(!day.contains(9 * 3600 - 1) && day.contains(9 * 3600))
        #expect(day.contains(17 * 3600 + 1799) && !day.contains(17 * 3600 + 1800))
        let night = try #require(period("22:30-6:00"))
        #expect(night.contains(22 * 3600 + 1800) && night.contains(86399) && night.contains(0))
        #expect(night.contains(6 * 3600 - 1) && !night.contains(6 * 3600) && !night.contains(12 * 3600))
        let all = try #require(period("00:00-24:00"))
        #expect(all.contains(0) && all.contains(86399))
    }

    @Test(arguments: [
        "", "-", "9-17", "09:00", "09:00-", "-09:00", "24:01-25:00", "09:60-10:00", "09:0-10:00", "009:00-10:00",
        "09:00-09:00", "a:00-b:00", "09:00-17:00-18:00",
    ])
    func `is not any text`(_ text: String) { #expect(period(text) == nil) }
}

@Suite struct `The local time` {
    /// 2026-03-29 01:00 UTC: summer time begins in Berlin; 2026-10-25 01:00 UTC: it ends.
    @Test(arguments: ["CET-1CEST,M3.5.0,M10.5.0/3", "Europe/Berlin"])
    func `changes to the second when summer time begins and ends, years ahead`(_ zone: String) async {
        await #expect(processExitsWith: .success) { [zone] in
            setenv("TZ", zone, 1)
            let begin = 1_774_746_000
            let end = 1_792_890_000
            let local = LocalTime(from: begin - 40 * 86400)
            check(local.secondOfDay(at: begin - 1), is: 2 * 3600 - 1)
            check(local.secondOfDay(at: begin), is: 3 * 3600)
            check(local.secondOfDay(at: end - 1), is: 3 * 3600 - 1)
            check(local.secondOfDay(at: end), is: 2 * 3600)
            // As the C library has it, for each day of the next 20 years at some time.
            for day in 0..<7300 {
                var time = begin + day * 86400 + day * 7919 % 86400
                var fields = tm()
                localtime_r(&time, &fields)
                let expected = Int(fields.tm_hour) * 3600 + Int(fields.tm_min) * 60 + Int(fields.tm_sec)
                check(local.secondOfDay(at: time), is: expected)
            }
        }
    }

    @Test func `is east and west of UTC, by half hours too, and before 1970`() async {
        await #expect(processExitsWith: .success) {
            setenv("TZ", "IST-5:30", 1)
            check(LocalTime(from: 0).secondOfDay(at: 0), is: 5 * 3600 + 1800)
            check(LocalTime(from: 0).secondOfDay(at: 86399), is: 5 * 3600 + 1799)
            setenv("TZ", "XYZ11", 1)
            tzset()
            check(LocalTime(from: 0).secondOfDay(at: 0), is: 13 * 3600)
            check(LocalTime(from: 0).secondOfDay(at: -86400 * 3), is: 13 * 3600)
        }
    }
}

import CKernel
import Synchronization

/// A point in time on CLOCK_MONOTONIC, in nanoseconds. Setting the clock on the wall does not move it.
struct Instant: Comparable {
    var nanoseconds: Int64

    static let never = Instant(nanoseconds: .max)

    static var now: Instant { read(CLOCK_MONOTONIC) }

    /// A few milliseconds behind at most, and cheaper to read.
    static var roughlyNow: Instant { read(CLOCK_MONOTONIC_COARSE) }

    static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates: a timeout beyond 292 years is `never`.
    func advanced(by interval: Int64) -> Instant {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(interval)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// Nanoseconds from now until this instant; 0 once it has passed.
    var remaining: Int64 { max(0, nanoseconds - Instant.now.nanoseconds) }

    private static func read(_ clock: CInt) -> Instant { Instant(timespec(of: clock)) }

    private init(_ time: timespec) {
        nanoseconds = Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Sleeps for an interval, or until a signal's handler runs.
    static func sleep(for interval: Int64) {
        _ = withUnsafePointer(to: timespec(interval: interval)) { systemCall(SYS_nanosleep, address($0), 0) }
    }
}

/// The kernel's own clocks, by the function that it maps into each process (the vDSO). A program may have another
/// clock_gettime than the C library's (libfaketime), with a time that stands still; deadlines are the kernel's to keep.
private enum KernelClock {
    typealias Function = @convention(c) (CInt, UnsafeMutablePointer<timespec>) -> CInt

    /// Where it is; 0 before the first look, 1 where there is none.
    private static let location = Atomic<UInt>(0)
    private static let none: UInt = 1

    #if arch(arm64)
        private static let name: StaticString = "__kernel_clock_gettime"
    #else
        private static let name: StaticString = "__vdso_clock_gettime"
    #endif

    @inline(__always)
    static func read(_ clock: CInt, _ time: UnsafeMutablePointer<timespec>) {
        var known = location.load(ordering: .relaxed)
        if known == 0 {
            known = find()
            location.store(known, ordering: .relaxed)
        }
        if known != none, unsafeBitCast(known, to: Function.self)(clock, time) == 0 { return }
        _ = systemCall(SYS_clock_gettime, Int(clock), address(time))
    }

    /// Looks it up in the object that the kernel says is there, which is an ELF file of one mapping.
    @inline(never)
    private static func find() -> UInt {
        guard let base = UnsafeRawPointer(bitPattern: getauxval(UInt(AT_SYSINFO_EHDR))) else { return none }
        let header = base.load(as: Elf64_Ehdr.self)
        let sections = (base + Int(header.e_shoff)).assumingMemoryBound(to: Elf64_Shdr.self)
        let count = Int(header.e_shnum)
        guard let table = (0..<count).first(where: { sections[$0].sh_type == SHT_DYNSYM }) else { return none }
        let symbols = (base + Int(sections[table].sh_offset)).assumingMemoryBound(to: Elf64_Sym.self)
        let names = (base + Int(sections[Int(sections[table].sh_link)].sh_offset)).assumingMemoryBound(to: CChar.self)
        for index in 0..<Int(sections[table].sh_size) / MemoryLayout<Elf64_Sym>.stride
        where symbols[index].st_shndx != 0 && Text(names + Int(symbols[index].st_name)) == name {
            return UInt(bitPattern: base) + UInt(symbols[index].st_value)
        }
        return none
    }
}

extension timespec {
    /// What a clock of the kernel's shows.
    init(of clock: CInt) {
        self.init()
        KernelClock.read(clock, &self)
    }

    /// An interval in nanoseconds as the kernel takes it.
    init(interval: Int64) {
        self.init(tv_sec: Int(interval / 1_000_000_000), tv_nsec: Int(interval % 1_000_000_000))
    }

    /// The interval in nanoseconds, saturated; nil for what is no interval (tv_nsec out of range, or below zero).
    var interval: Int64? {
        guard tv_nsec >= 0, tv_nsec < 1_000_000_000, tv_sec >= 0 else { return nil }
        let (seconds, overflow) = Int64(tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return .max }
        let (sum, more) = seconds.addingReportingOverflow(Int64(tv_nsec))
        return more ? .max : sum
    }
}

// The log of a mirrored file, as the command reads it, while a program may be writing to it. Sources/Kaio/Modules/MirrorLog.swift
// says what is in it.
//
// Invariant: nothing in it is taken on trust: what has a wrong checksum is not looked at, and each number is within bounds.

import CKernel
import Glibc

struct MirrorReader {
    struct Leg {
        let number: Int
        let path: String
        let state: State
        let error: CInt
        /// How many regions it has missed writes of.
        var stale = 0
    }

    enum State: UInt64 {
        case none, used, failed, removed
    }

    private static let (page, recordBytes, regionsOfRecord, mostRegions) = (4096, 512, 768, 1 << 20)
    private static let (headerMagic, questionMagic): (UInt64, UInt64) = (0x524f_5252_494d_4b41, 0x3f52_494d_4f49_414b)

    let path: String
    private let file: CInt
    private(set) var legs: [Leg] = []
    private(set) var size = 0
    private(set) var regionSize = 0
    private(set) var process = 0
    private(set) var rate = 0
    /// Of the file as long as it is.
    private(set) var regions = 0
    private(set) var inSync = 0
    private(set) var dirty = 0
    /// Of each region of the file: which legs are stale, a bit for each.
    private(set) var stale: [UInt8] = []

    init(_ path: String) throws(Failure) {
        self.path = path
        file = try MirrorReader.open(path, O_RDWR)
    }

    /// It is not opened before it is known to be a regular file: others may have put another thing there.
    static func open(_ path: String, _ flags: CInt) throws(Failure) -> CInt {
        let byName: CInt = 0o10_000_000
        let found = Glibc.open(path, byName | O_CLOEXEC)
        guard found >= 0 else { throw Failure(message: "\(path): \(errorText(errno))") }
        defer { close(found) }
        var facts = stat()
        guard fstat(found, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            throw Failure(message: "\(path): not a regular file")
        }
        let file = Glibc.open("/proc/self/fd/\(found)", flags | O_CLOEXEC)
        guard file >= 0 else { throw Failure(message: "\(path): \(errorText(errno))") }
        return file
    }

    static func sum(_ words: ArraySlice<UInt64>, hole: Int) -> UInt64 {
        var sum: UInt64 = 0x6b61_696f_6d69_7272
        for (index, word) in words.enumerated() {
            sum = (sum ^ (index == hole ? 0 : word)) &* 0x9e37_79b9_7f4a_7c15
            sum ^= sum >> 29
        }
        return sum
    }

    func end() { close(file) }

    private func words(_ offset: Int, _ bytes: Int) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: bytes / 8)
        let count = words.withUnsafeMutableBytes { pread(file, $0.baseAddress!, bytes, off_t(offset)) }
        return count < 0 ? [] : words.map { UInt64(littleEndian: $0) }
    }

    private static func text(_ words: ArraySlice<UInt64>) -> String {
        var bytes: [UInt8] = []
        for word in words {
            for byte in 0..<8 {
                let value = UInt8(truncatingIfNeeded: word >> UInt64(8 * byte))
                if value == 0 { return String(decoding: bytes, as: UTF8.self) }
                bytes.append(value)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A look at it as it is now.
    mutating func read() throws(Failure) {
        var header: [UInt64] = []
        for place in 0..<2 {
            let candidate = words(place * MirrorReader.page, MirrorReader.page)
            guard candidate.count == MirrorReader.page / 8, candidate[0] == MirrorReader.headerMagic, candidate[1] == 1,
                candidate[8] == MirrorReader.sum(candidate[...], hole: 8)
            else { continue }
            if header.isEmpty || candidate[2] > header[2] { header = candidate }
        }
        guard !header.isEmpty, header[5] >= 4096, header[5] <= 1 << 40, (1...4).contains(header[6]) else {
            throw Failure(message: "\(path): not a mirror's log, or damaged")
        }
        size = min(Int(clamping: header[4]), 1 << 60)
        regionSize = Int(header[5])
        process = Int(clamping: header[9])
        rate = Int(clamping: header[10])
        legs = (0..<Int(header[6])).compactMap { number in
            let base = 16 + number * 120
            let state = State(rawValue: header[base]) ?? .none
            if state == .none || state == .removed { return nil }
            return Leg(
                number: number, path: MirrorReader.text(header[(base + 8)..<(base + 120)]), state: state,
                error: CInt(truncatingIfNeeded: header[base + 1]))
        }
        if let first = legs.first {
            var facts = stat()
            if stat(first.path, &facts) == 0, first.state == .used { size = min(Int(facts.st_size), 1 << 60) }
        }
        regions = min((size + regionSize - 1) / regionSize, MirrorReader.mostRegions)
        readRecords(set: header[3])
    }

    private mutating func readRecords(set: UInt64) {
        stale = [UInt8](repeating: 0, count: regions)
        dirty = 0
        let members = legs.reduce(UInt8(0)) { $0 | 1 << UInt8($1.number) }
        for record in 0..<((regions + MirrorReader.regionsOfRecord - 1) / MirrorReader.regionsOfRecord) {
            var best: [UInt64] = []
            for place in 0..<2 {
                let offset =
                    4 * MirrorReader.page + record / 8 * 2 * MirrorReader.page + place * MirrorReader.page + record % 8
                    * MirrorReader.recordBytes
                let candidate = words(offset, MirrorReader.recordBytes)
                guard candidate.count == 64, candidate[0] == UInt64(record), candidate[2] == set,
                    candidate[3] == MirrorReader.sum(candidate[...], hole: 3)
                else { continue }
                if best.isEmpty || candidate[1] > best[1] { best = candidate }
            }
            guard !best.isEmpty else { continue }
            let first = record * MirrorReader.regionsOfRecord
            for bit in 0..<min(MirrorReader.regionsOfRecord, regions - first) {
                func has(_ map: Int) -> Bool { best[4 + map * 12 + bit / 64] >> UInt64(bit % 64) & 1 != 0 }
                if has(0) { dirty += 1 }
                for leg in 0..<4 where has(leg + 1) { stale[first + bit] |= 1 << UInt8(leg) & members }
            }
        }
        inSync = stale.reduce(0) { $0 + ($1 == 0 ? 1 : 0) }
        for index in legs.indices {
            let bit = UInt8(1) << UInt8(legs[index].number)
            legs[index].stale = stale.reduce(0) { $0 + ($1 & bit == 0 ? 0 : 1) }
        }
    }

    /// Nothing is left to copy, and no leg is missing.
    var isWhole: Bool { inSync == regions && legs.allSatisfy { $0.state == .used } }

    /// Whether a program has the file in use: it holds the lock.
    var isInUse: Bool {
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_len = 1
        // F_OFD_GETLK
        return systemCall(SYS_fcntl, Int(file), 36, address(&lock)) == 0 && lock.l_type != Int16(F_UNLCK)
    }

    // MARK: questions

    enum Question: UInt64 {
        case resync = 1
        case add, remove, replace, mark
    }

    /// Asks the process that has it in use, and waits for the answer: 0 or an errno; ETIMEDOUT where there is none.
    func ask(_ question: Question, leg: Int = 0, first: Int = 0, last: Int = 0, path: String = "") -> CInt {
        var words = [UInt64](repeating: 0, count: MirrorReader.page / 8)
        let number = UInt64(bitPattern: Int64(Clock.now)) << 16 | UInt64(getpid() & 0xffff)
        words[0] = MirrorReader.questionMagic
        words[1] = number
        words[2] = question.rawValue
        words[3] = UInt64(leg)
        words[4] = UInt64(first)
        words[5] = UInt64(last)
        let bytes = Array(path.utf8)
        guard bytes.count < MirrorReader.page - 72 else { return ENAMETOOLONG }
        for (index, byte) in bytes.enumerated() { words[8 + index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
        words[6] = MirrorReader.sum(words[...], hole: 6)
        let written = words.map { $0.littleEndian }.withUnsafeBytes {
            pwrite(file, $0.baseAddress!, MirrorReader.page, off_t(2 * MirrorReader.page))
        }
        guard written == MirrorReader.page else { return EIO }
        let end = Clock.now + 20_000_000_000
        while Clock.now < end {
            let answer = self.words(3 * MirrorReader.page, MirrorReader.page)
            if answer.count == MirrorReader.page / 8, answer[0] == MirrorReader.questionMagic, answer[1] == number,
                answer[6] == MirrorReader.sum(answer[...], hole: 6)
            {
                return CInt(truncatingIfNeeded: answer[2])
            }
            usleep(20_000)
        }
        return ETIMEDOUT
    }
}

// The log of a mirror: what its legs are, and in which regions they may differ. See Mirror.swift for when it is written.
//
//     0       header, twice: 4096 bytes each
//     8192    what the command asks for, and at 12288 what became of it
//     16384   records of 512 bytes, each twice: eight of them in a page, and the same eight once more in the next
//
// A header or a record is written to that of its two places that has the older one, which has a lower sequence, and its checksum
// covers all of it: so a write that was torn leaves the one before. Where both are damaged the log says nothing of what it was
// about. Numbers are little-endian, of 64 bits.
//
// A record has a bit for each of 768 regions, for each of: dirty (written to since all legs were synchronized), and for each leg:
// stale (it has missed writes). After a crash the first leg that is not stale has all that was complete; of a dirty region the
// others may differ from it.

import CKernel

enum MirrorLayout {
    static let mostLegs = 4
    static let page = 4096
    static let recordBytes = 512
    static let regionsOfRecord = 768
    static let mostRegions = 1 << 20
    static let mostRecords = (mostRegions + regionsOfRecord - 1) / regionsOfRecord
    static let (question, answer, records) = (2 * page, 3 * page, 4 * page)

    static func place(ofRecord number: Int, _ sequence: UInt64) -> Int {
        records + number / 8 * 2 * page + Int(sequence & 1) * page + number % 8 * recordBytes
    }

    /// Of so many records: whole pages.
    static func length(records count: Int) -> Int { records + (count + 7) / 8 * 2 * page }

    /// With the word at `hole` taken for 0.
    static func checksum(_ memory: UnsafeRawPointer, _ length: Int, hole: Int) -> UInt64 {
        var sum: UInt64 = 0x6b61_696f_6d69_7272
        for offset in stride(from: 0, to: length, by: 8) {
            let word = offset == hole ? 0 : UInt64(littleEndian: memory.load(fromByteOffset: offset, as: UInt64.self))
            sum = (sum ^ word) &* 0x9e37_79b9_7f4a_7c15
            sum ^= sum >> 29
        }
        return sum
    }
}

/// Words in memory that has the form of a part of the log.
struct MirrorWords {
    let memory: UnsafeMutableRawPointer

    subscript(offset: Int) -> UInt64 {
        get { UInt64(littleEndian: memory.load(fromByteOffset: offset, as: UInt64.self)) }
        nonmutating set { memory.storeBytes(of: newValue.littleEndian, toByteOffset: offset, as: UInt64.self) }
    }

    func seal(_ length: Int, hole: Int) { self[hole] = MirrorLayout.checksum(memory, length, hole: hole) }
    func isWhole(_ length: Int, hole: Int) -> Bool {
        self[hole] == MirrorLayout.checksum(memory, length, hole: hole)
    }
}

/// A leg as the header has it.
struct MirrorLeg {
    enum State: UInt64 {
        case none, used, failed, removed
    }

    private let words: MirrorWords
    private let base: Int

    fileprivate init(_ words: MirrorWords, _ number: Int) {
        self.words = words
        base = 128 + number * MirrorLeg.stride
    }

    private static let stride = 960
    private static let pathOffset = 64
    static let longestPath = stride - pathOffset - 1

    private subscript(field: Int) -> UInt64 {
        get { words[base + field] }
        nonmutating set { words[base + field] = newValue }
    }

    var state: State {
        get { State(rawValue: self[0]) ?? .none }
        nonmutating set { self[0] = newValue.rawValue }
    }
    /// With which errno it failed.
    var error: CInt {
        get { CInt(truncatingIfNeeded: self[8]) }
        nonmutating set { self[8] = UInt64(newValue) }
    }
    /// What it was when the log was last clean: 0 where it has not been yet.
    var device: UInt64 { self[16] }
    var inode: UInt64 { self[24] }
    var changed: UInt64 { self[32] }
    var size: Int { Int(truncatingIfNeeded: self[40]) }

    func set(_ facts: MirrorFacts) {
        self[16] = facts.device
        self[24] = facts.inode
        self[32] = facts.changed
        self[40] = UInt64(facts.size)
    }

    /// Ends with a zero.
    var path: UnsafePointer<CChar> {
        UnsafePointer((words.memory + base + MirrorLeg.pathOffset).assumingMemoryBound(to: CChar.self))
    }

    /// False: it is too long.
    func setPath(_ text: Text) -> Bool {
        guard text.count <= MirrorLeg.longestPath else { return false }
        memset(words.memory + base + MirrorLeg.pathOffset, 0, MirrorLeg.stride - MirrorLeg.pathOffset)
        memcpy(words.memory + base + MirrorLeg.pathOffset, text.start, text.count)
        return true
    }

    func clear() { memset(words.memory + base, 0, MirrorLeg.stride) }
}

/// What tells a leg's file, and its state, from others.
struct MirrorFacts {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    /// In nanoseconds.
    var changed: UInt64 = 0
    var size = 0

    init() {}

    init?(_ descriptor: Descriptor) {
        var status = stat()
        guard descriptor.status(&status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        changed = UInt64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ UInt64(status.st_ctim.tv_nsec)
        size = Int(status.st_size)
    }
}

/// The header, in memory of a page.
struct MirrorHeader {
    let words: MirrorWords

    private static let magic: UInt64 = 0x524f_5252_494d_4b41
    private static let version: UInt64 = 1
    private static let sumOffset = 64

    init(_ memory: UnsafeMutableRawPointer) { words = MirrorWords(memory: memory) }

    var sequence: UInt64 {
        get { words[16] }
        nonmutating set { words[16] = newValue }
    }
    /// A number of the log's own, which its records have too.
    var set: UInt64 {
        get { words[24] }
        nonmutating set { words[24] = newValue }
    }
    /// Of the file.
    var size: Int {
        get { Int(truncatingIfNeeded: words[32]) }
        nonmutating set { words[32] = UInt64(newValue) }
    }
    var regionSize: Int {
        get { Int(truncatingIfNeeded: words[40]) }
        nonmutating set { words[40] = UInt64(newValue) }
    }
    var count: Int {
        get { Int(truncatingIfNeeded: words[48]) }
        nonmutating set { words[48] = UInt64(newValue) }
    }
    /// No region is dirty, and what is said of the legs' files is true of them.
    var isClean: Bool {
        get { words[56] & 1 != 0 }
        nonmutating set { words[56] = newValue ? 1 : 0 }
    }
    /// Who has it in use, or had.
    var process: Int {
        get { Int(truncatingIfNeeded: words[72]) }
        nonmutating set { words[72] = UInt64(newValue) }
    }
    /// In bytes a second; 0: no recovery is under way.
    var rate: Int {
        get { Int(truncatingIfNeeded: words[80]) }
        nonmutating set { words[80] = UInt64(newValue) }
    }

    func leg(_ number: Int) -> MirrorLeg { MirrorLeg(words, number) }

    func begin() {
        memset(words.memory, 0, MirrorLayout.page)
        words[0] = MirrorHeader.magic
        words[8] = MirrorHeader.version
    }

    func seal() { words.seal(MirrorLayout.page, hole: MirrorHeader.sumOffset) }

    /// Whether it can be believed.
    var isWhole: Bool {
        let size = regionSize
        return words[0] == MirrorHeader.magic && words[8] == MirrorHeader.version
            && words.isWhole(MirrorLayout.page, hole: MirrorHeader.sumOffset) && size >= MirrorLayout.page
            && size <= 1 << 40 && size & (size - 1) == 0 && (1...MirrorLayout.mostLegs).contains(count)
            && self.size >= 0 && hasWholePaths
    }

    private var hasWholePaths: Bool {
        for number in 0..<MirrorLayout.mostLegs where leg(number).path[MirrorLeg.longestPath] != 0 { return false }
        return true
    }

    /// One of a later kaio's, which is better left alone.
    var isOfLaterVersion: Bool { words[0] == MirrorHeader.magic && words[8] > MirrorHeader.version }
}

/// A record, in memory of 512 bytes.
struct MirrorRecord {
    private let words: MirrorWords
    private static let sumOffset = 24
    private static let bitsOffset = 32
    private static let bytesOfMap = MirrorLayout.regionsOfRecord / 8

    init(_ memory: UnsafeMutableRawPointer) { words = MirrorWords(memory: memory) }

    var sequence: UInt64 { words[8] }

    func begin(_ number: Int, of set: UInt64, _ sequence: UInt64) {
        memset(words.memory, 0, MirrorLayout.recordBytes)
        words[0] = UInt64(number)
        words[8] = sequence
        words[16] = set
    }

    func seal() { words.seal(MirrorLayout.recordBytes, hole: MirrorRecord.sumOffset) }

    func isWhole(_ number: Int, of set: UInt64) -> Bool {
        words[0] == UInt64(number) && words[16] == set
            && words.isWhole(MirrorLayout.recordBytes, hole: MirrorRecord.sumOffset)
    }

    /// Map 0 is for dirty, that of a leg has the next number.
    subscript(map: Int, region: Int) -> Bool {
        get { byte(map, region).pointee >> UInt8(region & 7) & 1 != 0 }
        nonmutating set {
            let bit: UInt8 = 1 << UInt8(region & 7)
            if newValue { byte(map, region).pointee |= bit } else { byte(map, region).pointee &= ~bit }
        }
    }

    private func byte(_ map: Int, _ region: Int) -> UnsafeMutablePointer<UInt8> {
        (words.memory + MirrorRecord.bitsOffset + map * MirrorRecord.bytesOfMap + region / 8)
            .assumingMemoryBound(to: UInt8.self)
    }
}

// What an ELF file says of itself that matters to a preload. Nothing in the file is trusted: a word outside of it is 0.

import Glibc

struct Elf {
    /// Of this command, and so of the library.
    let isOfThisMachine: Bool
    let machineName: String
    /// The dynamic loader that the file asks for; nil in a library, and in a static program.
    let interpreter: String?
    let isDynamic: Bool
    /// Dynamic symbols that other objects are to define. Nil where the file has no table that says so.
    let undefined: Set<String>?

    /// Nil, with errno set, if it can't be read; ENOEXEC if it is no ELF file.
    init?(path: String) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if file < 0 { return nil }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0 else { return nil }
        let size = Int(facts.st_size)
        guard facts.st_mode & S_IFMT == S_IFREG, size >= 64,
            let memory = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0),
            memory != UnsafeMutableRawPointer(bitPattern: -1)
        else {
            errno = ENOEXEC
            return nil
        }
        defer { munmap(memory, size) }
        self.init(Image(bytes: UnsafeRawBufferPointer(start: memory, count: size)))
    }

    private init?(_ image: Image) {
        guard image.word(0, UInt32.self) == 0x464c_457f else {  // "\u{7f}ELF"
            errno = ENOEXEC
            return nil
        }
        let machine = image.word(18, UInt16.self)
        machineName = Elf.names[machine] ?? "machine \(machine)"
        let is64 = image.word(4, UInt8.self) == 2 && image.word(5, UInt8.self) == 1
        isOfThisMachine = is64 && machine == Elf.ownMachine
        guard isOfThisMachine else {
            interpreter = nil
            isDynamic = true
            undefined = nil
            return
        }
        var interpreter: String?
        var isDynamic = false
        let (segments, segmentSize) = (image.word(32, UInt64.self), UInt64(image.word(54, UInt16.self)))
        for index in 0..<UInt64(image.word(56, UInt16.self)) {
            let segment = segments &+ index &* segmentSize
            switch image.word(segment, UInt32.self) {
            case 2: isDynamic = true  // PT_DYNAMIC
            case 3: interpreter = image.string(image.word(segment &+ 8, UInt64.self))  // PT_INTERP
            default: break
            }
        }
        self.interpreter = interpreter
        self.isDynamic = isDynamic
        undefined = image.undefinedSymbols
    }

    private static let names: [UInt16: String] = [
        3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 40: "ARM", 62: "x86-64", 183: "AArch64",
        243: "RISC-V", 258: "LoongArch",
    ]

    #if arch(x86_64)
        private static let ownMachine: UInt16 = 62
    #elseif arch(arm64)
        private static let ownMachine: UInt16 = 183
    #endif
    static let ownMachineName = names[ownMachine] ?? ""
}

/// The file's bytes.
private struct Image {
    let bytes: UnsafeRawBufferPointer

    func word<Word: FixedWidthInteger>(_ offset: UInt64, _: Word.Type) -> Word {
        guard offset <= UInt64(bytes.count), UInt64(bytes.count) - offset >= UInt64(MemoryLayout<Word>.size) else {
            return 0
        }
        return bytes.loadUnaligned(fromByteOffset: Int(offset), as: Word.self)
    }

    func string(_ offset: UInt64) -> String? {
        guard offset < UInt64(bytes.count) else { return nil }
        let rest = bytes[Int(offset)...]
        return rest.firstIndex(of: 0).map { String(decoding: rest[..<$0], as: UTF8.self) }
    }

    var undefinedSymbols: Set<String>? {
        let (sections, sectionSize) = (word(40, UInt64.self), UInt64(word(58, UInt16.self)))
        for index in 0..<UInt64(word(60, UInt16.self)) {
            let section = sections &+ index &* sectionSize
            guard word(section &+ 4, UInt32.self) == 11 else { continue }  // SHT_DYNSYM
            let (begin, size) = (word(section &+ 24, UInt64.self), word(section &+ 32, UInt64.self))
            let strings = sections &+ UInt64(word(section &+ 40, UInt32.self)) &* sectionSize
            let names = word(strings &+ 24, UInt64.self)
            guard size <= UInt64(bytes.count) else { return nil }
            var undefined: Set<String> = []
            for symbol in stride(from: begin, to: begin &+ size, by: 24) where word(symbol &+ 6, UInt16.self) == 0 {
                if let name = string(names &+ UInt64(word(symbol, UInt32.self))) { undefined.insert(name) }
            }
            return undefined
        }
        return nil
    }
}

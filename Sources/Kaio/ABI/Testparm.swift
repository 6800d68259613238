// kaio_testparm: checks a configuration file and shows it as the library understands it.

import CKaio
import CKernel

@c(kaio_testparm)
public func kaioTestparm(_ file: UnsafePointer<CChar>?) -> CInt {
    guard let path = file.map({ Text($0) }) ?? environment("KAIO_CONFIG") else {
        var message = Message()
        message.add("kaio: kaio_testparm: no file given, and KAIO_CONFIG is not set")
        message.show()
        return answer(EINVAL)
    }
    var reader = ConfigurationReader(moduleDirectory: environment("KAIO_MODULE_DIR"))
    var (error, isGood) = (CInt(0), false)
    let configuration = Message.bound {
        error = reader.takeFile(path)
        let configuration = error == 0 ? reader.finish() : nil
        if let configuration, reader.errors == 0 { isGood = configuration.check() }
        return configuration
    }
    let outputError = isGood ? configuration.map { Output.show($0) } ?? 0 : 0
    let isShort = reader.isShort
    reader.discard()
    if error != 0 { return answer(error) }
    if !isGood { return answer(isShort ? ENOMEM : EINVAL) }
    return outputError == 0 ? 0 : answer(outputError)
}

/// As it is now: the options may not be read yet.
private func environment(_ name: StaticString) -> Text? {
    guard !Options.isSecure,
        let value = getenv(UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
    else { return nil }
    return value.pointee == 0 ? nil : Text(value)
}

/// What goes to stdout, in pieces of a kilobyte: as much as fits on the stack, as malloc may be somebody else's here.
private struct Output: ~Copyable {
    /// With which errno it failed. The rest is left out then.
    private var error: CInt = 0
    private let buffer: UnsafeMutableRawBufferPointer
    private var count = 0
    /// A person looks at it, on what obeys what a stranger may have written. Else each byte stays.
    private let isTerminal: Bool
    private var last: UInt8 = 0

    private init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
        // Room for what it says of the terminal.
        isTerminal = systemCall(SYS_ioctl, 1, Int(TCGETS), address(buffer.baseAddress)) == 0
    }

    /// Returns 0 or the errno. What is written is a configuration itself, in which everything is spelt out.
    static func show(_ configuration: Configuration) -> CInt {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            var output = Output(buffer)
            output.add(configuration)
            output.flush()
            return output.error
        }
    }

    private mutating func add(_ configuration: Configuration) {
        for position in 0..<configuration.count {
            let service = configuration[position]
            write(position > 0 ? "\n[" : "[")
            write(service.name)
            write("]\n")
            if !service.patterns.isEmpty {
                write("\tpath =")
                for pattern in service.patterns {
                    write(" ")
                    writeValue(pattern.text, isQuoted: Output.hasBlank(pattern.text))
                }
                write("\n")
            }
            write("\tvfs objects = ")
            writeValue(service.objects, isQuoted: false)
            write("\n")
            Parameters.forEach(service.parameters.own) { entry in
                write("\t")
                write(entry.module)
                write(":")
                write(entry.name)
                write(" = ")
                // As it would be taken for another without them.
                let isQuoted = entry.value.count != entry.value.trimmed.withoutQuotes.count
                writeValue(entry.value, isQuoted: isQuoted)
                write("\n")
            }
        }
    }

    /// Of a pattern: a blank that no backslash stands before.
    private static func hasBlank(_ text: Text) -> Bool {
        var index = 0
        while index < text.count {
            if Text.isSpace(text[index]) { return true }
            index += text[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return false
    }

    private mutating func writeValue(_ value: Text, isQuoted: Bool) {
        if isQuoted { write("\"") }
        var rest = value
        while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
            write(rest.prefix(percent + 1))
            write("%")
            rest = rest.dropFirst(percent + 1)
        }
        write(rest)
        if isQuoted { write("\"") }
    }

    @inline(never)
    private mutating func write(_ literal: StaticString) { write(Text(literal)) }

    @inline(never)
    private mutating func write(_ text: Text) {
        var rest = text
        while let start = buffer.baseAddress, !rest.isEmpty {
            if count == buffer.count { flush() }
            let piece = min(rest.count, buffer.count - count)
            memcpy(start + count, rest.start, piece)
            count += piece
            rest = rest.dropFirst(piece)
        }
    }

    private mutating func flush() {
        var start = 0
        if isTerminal, let bytes = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) {
            last = Text.clean(bytes, count, keepsLines: true, after: last)
        }
        while let base = buffer.baseAddress, start < count, error == 0 {
            let written = Descriptor(number: 1).write(base + start, count - start)
            if written == -Int(EINTR) { continue }
            if written <= 0 { fail(written == 0 ? EIO : CInt(-written)) }
            start += max(0, written)
        }
        count = 0
    }

    private mutating func fail(_ error: CInt) {
        self.error = error
        var message = Message()
        message.add("kaio: the configuration can't be written to stdout: ")
        message.add(Text(strerror(error)))
        message.show()
    }
}

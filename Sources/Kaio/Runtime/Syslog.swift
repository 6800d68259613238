// The datagrams of syslog(3): a priority, the local time, who says it, and the line. The C library's own function takes
// locks; this one is called by a log's thread, and makes nothing but system calls. The lines have the names of files: so a socket
// that others may have put in the place of the daemon's gets none.

import CKaio
import CKernel

enum Syslog {
    /// LOG_USER and LOG_INFO.
    private static let priority = 1 << 3 | 6

    /// Returns a descriptor, or a negated errno and perhaps a reason. The path has a zero behind it.
    static func connect(_ path: UnsafePointer<UInt8>, _ reason: inout StaticString?) -> Int {
        var named = NamedFile()
        let number = named.findForWriting(path)
        reason = named.reason
        guard number >= 0 else { return number }
        let file = Descriptor(number: CInt(number))
        defer { file.close() }
        // Without /proc the path is all there is.
        let result = file.withLink { connect($0) }
        return result == -Int(ENOENT) && !named.isReplaceable ? connect(path) : result
    }

    private static func connect(_ path: UnsafePointer<UInt8>) -> Int {
        let count = strlen(UnsafeRawPointer(path).assumingMemoryBound(to: CChar.self))
        guard count < longestPath else { return -Int(ENAMETOOLONG) }
        let number = systemCall(SYS_socket, Int(AF_UNIX), socketType, 0)
        if number < 0 { return number }
        // A struct sockaddr_un: the family, and the path with a zero byte.
        let length = MemoryLayout<UInt16>.size + count + 1
        let result = withUnsafeTemporaryAllocation(byteCount: length, alignment: 8) { bytes in
            bytes.storeBytes(of: UInt16(AF_UNIX), as: UInt16.self)
            memcpy(bytes.baseAddress! + 2, path, count + 1)
            return systemCall(SYS_connect, number, address(bytes.baseAddress), length)
        }
        if result < 0 { Descriptor(number: CInt(number)).close() }
        return result < 0 ? result : number
    }

    /// With its zero byte.
    private static let longestPath = 108

    /// SOCK_DGRAM and SOCK_CLOEXEC, which are enumerators of another type on each C library.
    private static let socketType = 2 | Int(O_CLOEXEC)

    /// - Parameter zone: seconds east of UTC.
    static func send(_ socket: Descriptor, _ line: Text, zone: Int) -> Int {
        var length = line.count
        while true {
            let result = sendOnce(socket, line.prefix(length), zone: zone)
            // What a datagram can't hold is cut off.
            if result != -Int(EMSGSIZE) || length == 0 { return result }
            length /= 2
        }
    }

    private static func sendOnce(_ socket: Descriptor, _ line: Text, zone: Int) -> Int {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 96) { buffer in
            var head = Line(buffer.baseAddress!, capacity: buffer.count)
            addHead(to: &head, WallTime(seconds: WallTime().seconds + zone))
            var parts = (
                iovec(iov_base: buffer.baseAddress, iov_len: head.count),
                iovec(iov_base: UnsafeMutableRawPointer(mutating: line.start), iov_len: line.count)
            )
            return withUnsafeMutablePointer(to: &parts) { parts in
                var message = msghdr()
                message.msg_iov = UnsafeMutableRawPointer(parts).assumingMemoryBound(to: iovec.self)
                message.msg_iovlen = 2
                return withUnsafePointer(to: &message) {
                    systemCall(SYS_sendmsg, Int(socket.number), address($0), noSignal)
                }
            }
        }
    }

    /// MSG_NOSIGNAL.
    private static let noSignal = 0x4000

    static func addHead(to line: inout Line, _ time: WallTime) {
        let date = time.date
        line.add("<")
        line.add(priority)
        line.add(">")
        let months = Text("JanFebMarAprMayJunJulAugSepOctNovDec" as StaticString)
        line.add(months.dropFirst((date.month - 1) * 3).prefix(3))
        line.add(date.day < 10 ? "  " : " ")
        line.add(date.day)
        line.add(" ")
        line.add(time.hour, digits: 2)
        line.add(":")
        line.add(time.minute, digits: 2)
        line.add(":")
        line.add(time.second, digits: 2)
        line.add(" kaio[")
        line.add(systemCall(SYS_getpid))
        line.add("]: ")
    }
}

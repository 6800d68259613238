// An error of the system's, as errno has it.

import Glibc

public struct Errno: Error, Equatable, CustomStringConvertible {
    public let rawValue: CInt

    public init(rawValue: CInt) { self.rawValue = rawValue }

    /// Of the C call that has just failed.
    static var last: Errno { Errno(rawValue: errno) }

    /// The task was cancelled, and so was its request: nothing was transferred.
    public static let canceled = Errno(rawValue: ECANCELED)
    /// The file is closed, or not open in this direction.
    public static let badFileDescriptor = Errno(rawValue: EBADF)

    /// For `catch Errno.canceled`, also where the error has lost its type, as that of a Task has.
    public static func ~= (pattern: Errno, error: any Error) -> Bool { error as? Errno == pattern }

    public var description: String { String(cString: strerror(rawValue)) }
}

// The functions of include/kaio.h.

import CKaio

enum Version {
    /// KAIO_VERSION of the header; a test compares the two.
    static let text: StaticString = "0.1.0"
}

@c(kaio_version)
public func kaioVersion() -> UnsafePointer<CChar> {
    UnsafeRawPointer(Version.text.utf8Start).assumingMemoryBound(to: CChar.self)
}

import CKaio
import Testing

@testable import Kaio

@Suite struct `The version` {
    @Test func `of the library is that of the header`() {
        #expect(String(cString: kaio_version()) == KAIO_VERSION)
        #expect(KAIO_VERSION == "\(KAIO_VERSION_MAJOR).\(KAIO_VERSION_MINOR).\(KAIO_VERSION_PATCH)")
    }
}

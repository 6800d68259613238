// Which version of the library this is.

import CKernel

enum Version {
    /// KAIO_VERSION of the header.
    static var text: Text { Text(ck_version()) }
}

// The names of the kernel's errors, as in "EIO". (strerrorname_np of the C library is too young to be relied upon, and
// strerror takes locks to find a translation.)

import CKernel

enum ErrorName {
    /// In the order of the numbers, from 1; the same on all architectures that the library is built for.
    private static let all: StaticString = """
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY \
        EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK \
        EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT \
        EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME \
        ENOSR ENONET ENOPKG EREMOTE ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ \
        EBADFD EREMCHG ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK \
        EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP EPFNOSUPPORT \
        EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET ECONNABORTED ECONNRESET ENOBUFS \
        EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS \
        ESTALE EUCLEAN ENOTNAM ENAVAIL EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED \
        EKEYREVOKED EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON
        """

    /// Nil for a number that no error has.
    static func of(_ error: Int) -> Text? {
        guard error > 0 else { return nil }
        var rest = Text(all)
        for _ in 1..<error { if rest.takeWord() == nil { return nil } }
        guard let name = rest.takeWord(), !(name == "-") else { return nil }
        return name
    }

    /// The error that a name or a decimal number stands for. Nil for anything else, and for EINPROGRESS, which is no
    /// result.
    static func number(of text: Text) -> CInt? {
        if let number = text.number {
            return (1...4095).contains(number) && number != Int(EINPROGRESS) ? CInt(number) : nil
        }
        // Second names.
        if text == "ENOTSUP" { return EOPNOTSUPP }
        if text == "EWOULDBLOCK" { return EAGAIN }
        var rest = Text(all)
        var number: CInt = 1
        while let name = rest.takeWord() {
            if name == text, !(name == "-") { return number == EINPROGRESS ? nil : number }
            number += 1
        }
        return nil
    }
}

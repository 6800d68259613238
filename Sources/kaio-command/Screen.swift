// The terminal as a screen that is drawn anew again and again, with keys that need no return.
//
// Invariant: whoever enters leaves, on every way out: else the person's terminal stays without echo.

import Glibc

final class Screen {
    private let terminal = Terminal.output
    private var before = termios()
    private var hasKeys = false
    private var isEntered = false

    /// The keyboard, if it is one.
    static let keys = STDIN_FILENO

    func enter() {
        guard !isEntered else { return }
        isEntered = true
        // Not in the background: that would stop the command.
        if tcgetpgrp(Screen.keys) == getpgrp(), tcgetattr(Screen.keys, &before) == 0 {
            var now = before
            now.c_lflag &= ~tcflag_t(ICANON | ECHO)
            hasKeys = tcsetattr(Screen.keys, TCSANOW, &now) == 0
        }
        // The other screen, without a cursor, and lines that do not wrap.
        write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l", to: terminal.file)
    }

    func leave() {
        guard isEntered else { return }
        isEntered = false
        write("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l", to: terminal.file)
        if hasKeys { tcsetattr(Screen.keys, TCSANOW, &before) }
        hasKeys = false
    }

    var size: (columns: Int, lines: Int) {
        var size = winsize()
        guard ioctl(terminal.file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// In one write, so that nobody sees half of it.
    func show(_ lines: [String]) {
        let shown = lines.prefix(size.lines).joined(separator: "\u{1b}[K\r\n")
        write("\u{1b}[H\(shown)\u{1b}[K\u{1b}[J", to: terminal.file)
    }

    /// The file to wait for keys at; -1, which nobody waits for, without a keyboard.
    var keyFile: CInt { hasKeys ? Screen.keys : -1 }

    /// The next key; nil at the keyboard's end too.
    func key() -> Character? {
        var byte: UInt8 = 0
        return read(Screen.keys, &byte, 1) == 1 ? Character(UnicodeScalar(byte)) : nil
    }
}

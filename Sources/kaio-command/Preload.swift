// What a program under `kaio run` finds in its environment: the one place where that is decided.
//
// Invariant: a variable of the person's own stays as it is, unless an option says otherwise.

import Glibc

struct Preload {
    let library: Library
    /// What the options say of the stack; nil: nothing.
    var objects: String?
    var configuration: String?
    /// The library's statistics of each process go here.
    var statistics: String?
    /// Where `kaio top` finds each process's page.
    var live: String?

    /// Sets the variables, in this process, which hands its environment on as it is.
    func apply() throws(Failure) {
        // Behind what is there: other libraries may have to come first, and see `close` all the same.
        let others = environmentVariable("LD_PRELOAD").map { $0 + " " } ?? ""
        set("LD_PRELOAD", try others + library.preload)
        if let objects { set("KAIO_VFS_OBJECTS", objects) }
        if let configuration { set("KAIO_CONFIG", configuration) }
        if let statistics { set("KAIO_STATS_FILE", statistics) }
        if let live, environmentVariable("KAIO_LIVE_DIR") == nil { set("KAIO_LIVE_DIR", live) }
    }

    private func set(_ name: String, _ value: String) { setenv(name, value, 1) }
}

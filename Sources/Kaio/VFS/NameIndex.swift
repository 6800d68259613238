// Finds things by a name's hash, at once, however many there are: a stranger's configuration may have 100,000 of them.
//
// Invariant: nothing is ever taken out. Its memory is that of an arena, and what it outgrows stays there.

import CKernel
import Synchronization

struct NameIndex<Thing: ~Copyable> {
    private struct Slot {
        var hash: UInt64 = 0
        var thing: UnsafeMutablePointer<Thing>?
    }

    private var slots: UnsafeMutablePointer<Slot>?
    /// A power of two, or 0.
    private var capacity = 0
    private var count = 0

    func find(_ hash: UInt64, where isMeant: (UnsafeMutablePointer<Thing>) -> Bool) -> UnsafeMutablePointer<Thing>? {
        guard let slots else { return nil }
        var place = Int(truncatingIfNeeded: hash) & (capacity - 1)
        while let thing = slots[place].thing {
            if slots[place].hash == hash, isMeant(thing) { return thing }
            place = (place + 1) & (capacity - 1)
        }
        return nil
    }

    /// False without memory.
    mutating func add(_ thing: UnsafeMutablePointer<Thing>, _ hash: UInt64, _ memory: inout Arena) -> Bool {
        if count * 2 >= capacity, !grow(&memory) { return false }
        put(Slot(hash: hash, thing: thing))
        count += 1
        return true
    }

    private mutating func grow(_ memory: inout Arena) -> Bool {
        let (old, length) = (slots, capacity)
        capacity = max(8, length * 2)
        guard let new = memory.allocate(Slot.self, count: capacity) else {
            capacity = length
            return false
        }
        for place in 0..<capacity { (new + place).initialize(to: Slot()) }
        slots = new
        for place in 0..<length { if let old, old[place].thing != nil { put(old[place]) } }
        return true
    }

    private func put(_ slot: Slot) {
        guard let slots else { return }
        var place = Int(truncatingIfNeeded: slot.hash) & (capacity - 1)
        while slots[place].thing != nil { place = (place + 1) & (capacity - 1) }
        slots[place] = slot
    }
}

/// The names of the modules in all stacks of a configuration.
struct ModuleNames {
    private var names = NameIndex<Text>()
    /// A module named by its path may have any name.
    private var hasPaths = false

    init() {}

    /// Nil without memory.
    init?(_ services: UnsafeMutablePointer<Configuration.Service>, _ count: Int, _ memory: inout Arena) {
        for position in 0..<count {
            var rest = services[position].objects
            if position > 0, rest.start == services[0].objects.start { continue }
            while let name = rest.takeWord() {
                if name.firstIndex(of: UInt8(ascii: "/")) != nil { hasPaths = true }
                if find(name) { continue }
                guard let kept = memory.allocate(Text.self) else { return nil }
                kept.initialize(to: name)
                if !names.add(kept, name.nameHash(), &memory) { return nil }
            }
        }
    }

    private func find(_ name: Text) -> Bool {
        names.find(name.nameHash(), where: { $0.pointee.isSameName(as: name) }) != nil
    }

    func has(_ module: Text) -> ConfigurationReader.Membership {
        if module.isSameName(as: Text(Registry.last)) || find(module) { return .yes }
        return hasPaths ? .unknown : .no
    }
}

/// What hashes begin with, so that nobody can choose names that have the same.
enum NameSeed {
    private static let chosen = Atomic<UInt64>(0)

    static var value: UInt64 {
        let before = chosen.load(ordering: .relaxed)
        if before != 0 { return before }
        var seed: UInt64 = 0
        withUnsafeMutablePointer(to: &seed) { randomBytes($0, 8) }
        // Of two threads that come at the same moment one chooses for both.
        let (chosenNow, found) = chosen.compareExchange(expected: 0, desired: seed | 1, ordering: .relaxed)
        return chosenNow ? seed | 1 : found
    }
}

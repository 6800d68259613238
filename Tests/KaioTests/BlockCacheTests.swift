import CKernel
import Glibc
import Testing

@testable import Kaio

private func makeCache(_ budget: Int, blockSize: Int = 4096) -> BlockCache {
    setenv("KAIO_POOL", "64M", 1)
    Options.read()
    BlockCache.budget.store(budget, ordering: .relaxed)
    return BlockCache.of(blockSize: blockSize)!
}

private func makeFile() -> CachedFile { BlockCache.lock.locked { CachedFile.make()! } }

/// Fills a block of the file as a transfer would, and returns it; nil where there is no room.
private func fill(_ cache: BlockCache, _ file: CachedFile, _ number: Int) -> CacheBlock? {
    cache.lockedTake(file, number).map { block in
        memset(block.data, Int32(truncatingIfNeeded: number), cache.size)
        BlockCache.lock.locked { cache.move(block, to: .clean) }
        return block
    }
}

extension BlockCache {
    fileprivate func lockedTake(_ file: CachedFile, _ number: Int) -> CacheBlock? {
        BlockCache.lock.locked {
            guard find(file.id, number) == nil, let block = take() else { return nil }
            add(block, file, number)
            return block
        }
    }

    fileprivate func look(_ file: CachedFile, _ number: Int) -> UInt8? {
        var byte: UInt8 = 0
        return read(file.id, number, from: size - 1, 1, to: &byte) == .copied ? byte : nil
    }
}

@Suite struct `A block cache` {
    @Test func `keeps within its budget, and always has eight blocks`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(1 << 20)
            let file = makeFile()
            for number in 0..<1000 { check(fill(cache, file, number) != nil) }
            check(BlockCache.used.load(ordering: .relaxed) <= 1 << 20)
            check(BlockCache.used.load(ordering: .relaxed) > 900 << 10)
            check(BlockCache.counted(.evictions) + cache.state.pointee.count, is: 1000)
            BlockCache.budget.store(0, ordering: .relaxed)
            BlockCache.lock.locked { while cache.shrink() {} }
            check(cache.state.pointee.count, is: BlockCache.least)
            for number in 2000..<2100 { check(fill(cache, file, number) != nil) }
            check(cache.state.pointee.count, is: BlockCache.least)
            BlockCache.budget.store(1 << 20, ordering: .relaxed)
            for number in 3000..<3200 { check(fill(cache, file, number) != nil) }
            check(cache.state.pointee.count >= 200)
        }
    }

    @Test func `evicts what was not used for the longest time, and nothing that is held`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(1 << 20)
            let file = makeFile()
            let room = cache.room - 4
            for number in 0..<50 { check(fill(cache, file, number) != nil) }
            let held = BlockCache.lock.locked { cache.find(file.id, 7)! }
            BlockCache.lock.locked { cache.hold(held) }
            for number in 50..<room { check(fill(cache, file, number) != nil) }
            for number in 10..<20 { check(cache.look(file, number)! == UInt8(number)) }
            for number in 1000..<1100 { check(fill(cache, file, number) != nil) }
            for number in 10..<20 { check(cache.look(file, number)! == UInt8(number)) }
            check(cache.look(file, 7)! == 7)
            check(cache.look(file, 8) == nil && cache.look(file, 30) == nil)
            check(BlockCache.lock.locked { cache.release(held) })
        }
    }

    /// Uses a block as a request does: it is filled where it is not there. False: it was not.
    private static func use(_ cache: BlockCache, _ file: CachedFile, _ number: Int) -> Bool {
        if cache.look(file, number) != nil { return true }
        check(fill(cache, file, number) != nil)
        return false
    }

    @Test func `keeps what is used again, whatever is used once`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(1 << 20)
            let file = makeFile()
            let often = 0..<cache.room * 3 / 4
            for _ in 0..<2 { for number in often { _ = Self.use(cache, file, number) } }
            // Ten times the cache, each once.
            for number in 1000..<1000 + 10 * cache.room { check(!Self.use(cache, file, number)) }
            // An eviction gives chances to so many only, so that it takes no longer in a large cache.
            check(often.count { Self.use(cache, file, $0) } >= often.count * 19 / 20)
        }
    }

    @Test func `gives a place to what is used again later than newcomers stay`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(1 << 20)
            let file = makeFile()
            for _ in 0..<2 { for number in 0..<cache.room - 8 { _ = Self.use(cache, file, number) } }
            // A program turns to others, which together are far more than the newcomers that may be there.
            let others = 5000..<5000 + cache.room * 3 / 4
            for _ in 0..<4 { for number in others { _ = Self.use(cache, file, number) } }
            for number in others { check(Self.use(cache, file, number)) }
        }
    }

    /// Reads a block as a request does that is for this one alone: what is not there is kept where that seems to be worth it.
    private static func read(_ cache: BlockCache, _ file: CachedFile, _ number: Int) -> (isHit: Bool, isKept: Bool) {
        if cache.look(file, number) != nil { return (true, true) }
        let isKept = BlockCache.lock.locked { cache.isWorthKeeping(file, number) }
        if isKept { check(fill(cache, file, number) != nil) }
        return (false, isKept)
    }

    @Test func `keeps little of what is read once, and all that is read again`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(1 << 20)
            let file = makeFile()
            // While there is room, everything.
            for number in 0..<cache.room - 8 { check(Self.read(cache, file, number).isKept) }
            var kept = 0
            for number in 1000..<1000 + 40 * cache.room where Self.read(cache, file, number).isKept { kept += 1 }
            check(kept > 5 * cache.room && kept < 8 * cache.room)
            // A program that turns to others has them in the cache from their third round on.
            let others = 100_000..<100_000 + cache.room * 3 / 4
            for _ in 0..<2 { for number in others { _ = Self.read(cache, file, number) } }
            check(others.count { Self.read(cache, file, $0).isHit } >= others.count * 9 / 10)
            // Newcomers that are used again are worth their place: all are kept again.
            for number in 200_000..<200_000 + 20 * cache.room {
                if Self.read(cache, file, number).isKept { for _ in 0..<2 { _ = cache.look(file, number) } }
            }
            for number in 300_000..<300_100 { check(Self.read(cache, file, number).isKept) }
        }
    }

    @Test func `takes what was read ahead and used once for used once`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(1 << 20)
            let file = makeFile()
            for _ in 0..<2 { for number in 0..<100 { _ = Self.use(cache, file, number) } }
            for number in 1000..<1000 + 10 * cache.room {
                BlockCache.lock.locked {
                    let block = cache.take()!
                    cache.add(block, file, number, isAhead: true)
                    cache.move(block, to: .clean)
                }
                check(cache.look(file, number) != nil)
            }
            check((0..<100).count { Self.use(cache, file, $0) } >= 95)
        }
    }

    @Test func `lets what is old go, however much of it has to stay`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(4 << 20)
            let files = (0..<10).map { _ in makeFile() }
            for file in files { for number in 0..<70 { fill(cache, file, number)!.rest.pointee.time = 0 } }
            while BlockCache.lock.locked({ cache.expire(before: 1, retained: 40 * 4096, atMost: 16) }) {}
            for file in files { check(file.rest.pointee.blocks.count, is: 40) }
        }
    }

    /// A model has what each block must be; every operation and every step of a block is tried on both.
    @Test func `shows nothing of what was given up while the block is another's`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(0)
            let file = makeFile()
            let block = fill(cache, file, 1)!
            BlockCache.lock.locked {
                cache.move(block, to: .dirty)
                cache.move(block, to: .free)
            }
            check(cache.look(file, 1) == nil)
            var isUsedAgain = false
            for number in 100..<100 + BlockCache.least {
                if cache.lockedTake(file, number) == block { isUsedAgain = true }
                // Nothing was read yet.
                check(cache.look(file, number) == nil)
            }
            check(isUsedAgain)
        }
    }

    @Test func `agrees with a model`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(256 << 10, blockSize: 512)
            let files = [makeFile(), makeFile(), makeFile()]
            var random = SystemRandomNumberGenerator()
            struct Key: Hashable { let file: Int, number: Int }
            var model: [Key: CacheBlock.Phase] = [:]
            var holds: [Key: Int] = [:]
            func block(_ key: Key) -> CacheBlock { cache.find(files[key.file].id, key.number)! }
            for _ in 0..<60_000 {
                let key = Key(
                    file: Int.random(in: 0..<3, using: &random), number: Int.random(in: 0..<300, using: &random))
                let phase = model[key]
                BlockCache.lock.lock()
                let found = cache.find(files[key.file].id, key.number)
                // Clean blocks may have been evicted.
                if found == nil, phase == .clean, holds[key, default: 0] == 0 { model[key] = nil }
                check(found?.phase == model[key])
                switch (model[key], Int.random(in: 0..<8, using: &random)) {
                case (nil, _):
                    guard let new = cache.take() else { break }
                    cache.add(new, files[key.file], key.number)
                    model[key] = .reading
                case (.reading?, 0..<5):
                    memset(block(key).data, Int32(key.number & 255), 512)
                    cache.move(block(key), to: .clean)
                    model[key] = .clean
                case (.reading?, 5):
                    cache.move(block(key), to: .dirty)
                    memset(block(key).data, Int32(key.number & 255), 512)
                    model[key] = .dirty
                case (.reading?, _) where holds[key, default: 0] == 0:
                    cache.move(block(key), to: .failed)
                    model[key] = nil
                case (.clean?, 0):
                    cache.move(block(key), to: .dirty)
                    model[key] = .dirty
                case (.clean?, 1) where holds[key, default: 0] == 0:
                    check(cache.forget(block(key)))
                    model[key] = nil
                case (.clean?, 2), (.dirty?, 2):
                    cache.hold(block(key))
                    holds[key, default: 0] += 1
                case (.dirty?, 3...):
                    cache.move(block(key), to: .writing)
                    model[key] = .writing
                case (.writing?, 0..<5):
                    cache.move(block(key), to: .clean)
                    model[key] = .clean
                case (.writing?, 5):
                    cache.move(block(key), to: .dirty)
                    model[key] = .dirty
                default:
                    if holds[key, default: 0] > 0 {
                        _ = cache.release(block(key))
                        holds[key]! -= 1
                    }
                }
                BlockCache.lock.unlock()
                let isReadable = [.clean, .dirty, .writing].contains(model[key])
                if let byte = cache.look(files[key.file], key.number) {
                    check(isReadable && byte == UInt8(key.number & 255))
                } else {
                    check(!isReadable)
                }
                let dirty = model.values.filter { $0 == .dirty || $0 == .writing }.count
                if Int.random(in: 0..<500, using: &random) == 0 {
                    check(cache.unsaved, is: dirty)
                    var ofFiles = 0
                    for file in files { ofFiles += file.rest.pointee.unsaved }
                    check(ofFiles, is: dirty)
                }
            }
            check(BlockCache.counted(.evictions) > 100)
        }
    }

    @Test func `is read without the lock while blocks come and go`() async {
        await #expect(processExitsWith: .success) {
            let cache = makeCache(128 << 10, blockSize: 512)
            let file = makeFile()
            concurrently(4) { thread in
                var random = SystemRandomNumberGenerator()
                var seen = 0
                for _ in 0..<20_000 {
                    let number = Int.random(in: 0..<400, using: &random)
                    if let byte = cache.look(file, number) {
                        check(byte == UInt8(truncatingIfNeeded: number))
                        seen += 1
                    } else {
                        var mask = sigset_t()
                        sigfillset(&mask)
                        _ = fill(cache, file, number)
                    }
                }
                check(seen > 100)
            }
        }
    }
}

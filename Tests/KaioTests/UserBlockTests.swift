import CKaio
import CKernel
import Synchronization
import Testing

@testable import Kaio

/// A caller's aiocb, in a process whose engine has a secret.
private final class Memory {
    let control = UnsafeMutablePointer<aiocb>.allocate(capacity: 1)
    var block: UserBlock { UserBlock(control) }

    init(_ byte: Int32 = 0) {
        let mask = SignalMask.blockAll()
        precondition(Engine.enter(1), "the engine does not start")
        Engine.leave(1)
        mask.restore()
        fill(byte)
    }

    deinit { control.deallocate() }

    func fill(_ byte: Int32) { memset(control, byte, MemoryLayout<aiocb>.size) }

    var bytes: [UInt8] { Array(UnsafeRawBufferPointer(start: control, count: MemoryLayout<aiocb>.size)) }
}

@Suite struct `A user's block` {
    @Test(arguments: [0, 0xff, 0x55, 0x01] as [Int32])
    func `of garbage is not ours`(_ byte: Int32) {
        let memory = Memory(byte)
        #expect(!memory.block.isOurs)
        #expect(memory.block.error == UserBlock.none)
        #expect(!memory.block.isInProgress)
        #expect(memory.block.takeResult() == nil)
        #expect(memory.bytes.allSatisfy { $0 == UInt8(byte) })
    }

    @Test func `of random bytes is not ours`() {
        let memory = Memory()
        for _ in 0..<10_000 {
            arc4random_buf(memory.control, MemoryLayout<aiocb>.size)
            #expect(!memory.block.isOurs)
        }
    }

    @Test func `is in progress from the submission to the publication`() {
        let memory = Memory()
        memory.block.begin(slot: 3, sequence: 77)
        #expect(memory.block.isOurs && memory.block.isInProgress)
        #expect(memory.block.error == EINPROGRESS)
        #expect(memory.block.slotNumber == 3)
        #expect(memory.block.takeResult() == nil)
        memory.block.publish(4096, slot: 3, sequence: 77)
        #expect(memory.block.error == 0)
        #expect(!memory.block.isInProgress)
    }

    @Test func `gives its result again and again`() {
        let memory = Memory()
        memory.block.begin(slot: 3, sequence: 77)
        memory.block.publish(4096, slot: 3, sequence: 77)
        for _ in 0..<3 {
            #expect(memory.block.takeResult() == 4096)
            #expect(memory.block.error == 0)
        }
    }

    @Test func `of what failed has the error, and -1 as its result`() {
        let memory = Memory()
        memory.block.begin(slot: 0, sequence: 1)
        memory.block.publish(-Int(EIO), slot: 0, sequence: 1)
        #expect(memory.block.error == EIO)
        #expect(memory.block.takeResult() == -1)
        #expect(memory.block.error == EIO)
    }

    @Test func `copied is not ours, and the original still is`() {
        let (memory, copy) = (Memory(), Memory())
        memory.block.begin(slot: 3, sequence: 77)
        memory.block.publish(5, slot: 3, sequence: 77)
        memcpy(copy.control, memory.control, MemoryLayout<aiocb>.size)
        #expect(copy.block.error == UserBlock.none)
        #expect(copy.block.takeResult() == nil)
        #expect(memory.block.takeResult() == 5)
    }

    @Test func `that is used again is in progress again`() {
        let memory = Memory()
        for round in 1...100 {
            memory.block.begin(slot: 3, sequence: UInt64(round))
            #expect(memory.block.isInProgress)
            memory.block.publish(round, slot: 3, sequence: UInt64(round))
            #expect(memory.block.error == 0)
        }
        #expect(memory.block.takeResult() == 100)
    }

    @Test func `taken back is not ours`() {
        let memory = Memory()
        memory.block.begin(slot: 3, sequence: 77)
        memory.block.withdraw()
        #expect(memory.block.error == UserBlock.none)
    }

    @Test func `stands for one request only`() {
        let memory = Memory()
        memory.block.begin(slot: 3, sequence: 77)
        #expect(memory.block.stands(forSlot: 3, sequence: 77))
        #expect(!memory.block.stands(forSlot: 4, sequence: 77))
        #expect(!memory.block.stands(forSlot: 3, sequence: 78))
    }

    @Test func `that became something else is left alone by a late publication`() {
        for byte in [0, 0xaa] as [Int32] {
            let memory = Memory()
            memory.block.begin(slot: 3, sequence: 77)
            memory.fill(byte)
            memory.block.publish(4096, slot: 3, sequence: 77)
            #expect(memory.bytes.allSatisfy { $0 == UInt8(byte) })
        }
        let memory = Memory()
        memory.block.begin(slot: 3, sequence: 77)
        memory.block.begin(slot: 3, sequence: 78)
        let before = memory.bytes
        memory.block.publish(4096, slot: 3, sequence: 77)
        #expect(memory.bytes == before)
        #expect(memory.block.isInProgress)
        memory.block.begin(slot: 4, sequence: 79)
        memory.block.publish(4096, slot: 3, sequence: 79)
        #expect(memory.block.isInProgress)
    }

    @Test func `has nothing of ours outside of the private and reserved bytes`() {
        let memory = Memory(0x55)
        memory.block.begin(slot: 3, sequence: 77)
        memory.block.publish(4096, slot: 3, sequence: 77)
        _ = memory.block.takeResult()
        #expect(memory.bytes[..<96].allSatisfy { $0 == 0x55 })
        #expect(memory.bytes[128..<136].allSatisfy { $0 == 0x55 })
        #expect(memory.bytes[144...].allSatisfy { $0 == 0x55 })
    }

    @Test func `gives its result to both of two threads that come at the same moment`() {
        let count = 4000
        let blocks = (0..<count).map { number in
            let memory = Memory()
            memory.block.begin(slot: 3, sequence: UInt64(number))
            memory.block.publish(number, slot: 3, sequence: UInt64(number))
            return memory
        }
        let arrivals = Atomic<Int>(0)
        let taken = Atomic<Int>(0)
        let sum = Atomic<Int>(0)
        concurrently(2) { _ in
            for (number, memory) in blocks.enumerated() {
                arrivals.add(1, ordering: .relaxed)
                var spins = 0
                while arrivals.load(ordering: .relaxed) < 2 * (number + 1) {
                    spins += 1
                    if spins % 1000 == 0 { sched_yield() }
                }
                if let result = memory.block.takeResult() {
                    taken.add(1, ordering: .relaxed)
                    sum.add(result, ordering: .relaxed)
                }
            }
        }
        #expect(taken.load(ordering: .relaxed) == 2 * count)
        #expect(sum.load(ordering: .relaxed) == count * (count - 1))
    }

    /// The status is released after the result and after what the request did; the thread sanitizer checks it.
    @Test func `that shows its end shows all that came before it`() {
        var data = [Int](repeating: 0, count: 2000)
        let blocks = data.map { _ in Memory() }
        for (number, memory) in blocks.enumerated() { memory.block.begin(slot: 1, sequence: UInt64(number)) }
        data.withUnsafeMutableBufferPointer { data in
            concurrently(2) { thread in
                for (number, memory) in blocks.enumerated() {
                    if thread == 0 {
                        data[number] = number
                        memory.block.publish(number, slot: 1, sequence: UInt64(number))
                    } else {
                        while memory.block.error == EINPROGRESS { sched_yield() }
                        #expect(data[number] == number)
                        #expect(memory.block.takeResult() == number)
                    }
                }
            }
        }
    }

    @Test func `shows what the caller put into it`() {
        let memory = Memory()
        let control = memory.control
        control.pointee.aio_fildes = 17
        control.pointee.aio_lio_opcode = CInt(LIO_WRITE)
        control.pointee.aio_reqprio = 3
        control.pointee.aio_buf = UnsafeMutableRawPointer(bitPattern: 0x123000)
        control.pointee.aio_nbytes = 4711
        control.pointee.aio_offset = 1 << 40
        control.pointee.aio_sigevent.sigev_signo = 12
        #expect(memory.block.descriptor == Descriptor(number: 17))
        #expect(memory.block.listOperation == CInt(LIO_WRITE))
        #expect(memory.block.priority == 3)
        #expect(memory.block.buffer == UnsafeMutableRawPointer(bitPattern: 0x123000))
        #expect(memory.block.length == 4711)
        #expect(memory.block.offset == 1 << 40)
        #expect(memory.block.event.pointee.sigev_signo == 12)
    }
}

// What is learnt of devices: who refused what, and who is as quick as memory.

import CKernel
import Glibc
import Testing

@testable import Kaio

private func file(_ device: UInt64, inode: UInt64 = 1, isDirect: Bool = false) -> FileFacts {
    FileFacts(device: device, inode: inode, size: 1, kind: .file, statusFlags: isDirect ? __O_DIRECT : 0)
}

private let operations = [Operation.read, .write]

@Suite struct `What is learnt of a device` {
    @Test func `is which of four ways a file of it refuses, and no other file`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            var learnt: [(Operation, Bool)] = []
            for operation in operations {
                for isDirect in [false, true] {
                    Devices.learnRefusal(file(7, isDirect: isDirect), operation)
                    learnt.append((operation, isDirect))
                    for other in operations {
                        for isOtherDirect in [false, true] {
                            check(
                                Devices.refuses(file(7, isDirect: isOtherDirect), other),
                                is: learnt.contains { $0.0 == other && $0.1 == isOtherDirect })
                            for neighbour in [file(7, inode: 2, isDirect: isOtherDirect), file(8), file(0)] {
                                check(!Devices.refuses(neighbour, other))
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func `is whether it is quick, by transfers on workers one after the other`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            for _ in 0..<7 { Devices.tookOnWorker(7, 4096, 1000) }
            check(!Devices.isQuick(7))
            Devices.tookOnWorker(7, 4096, 13_025)
            for _ in 0..<7 { Devices.tookOnWorker(7, 4096, 13_024) }
            check(!Devices.isQuick(7))
            Devices.tookOnWorker(7, 4096, 1000)
            check(Devices.isQuick(7) && !Devices.isQuick(8))
            // What the workers do says no more from then on.
            Devices.tookOnWorker(7, 4096, 1_000_000)
            check(Devices.isQuick(7))
        }
    }

    @Test func `is prompt by its last transfers, 8 of at most 20 ms or 16 of at most 2 ms`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            // Of a disk: one with a major number.
            let disk: UInt64 = 8 << 8
            for _ in 0..<8 { Devices.took(disk, 2_000_001) }
            check(Devices.isPrompt(disk) && !Devices.isPrompt(disk, atOnce: true))
            for _ in 0..<7 { Devices.took(disk, 2_000_000) }
            check(!Devices.isPrompt(disk, atOnce: true))
            Devices.took(disk, 2_000_000)
            check(Devices.isPrompt(disk, atOnce: true) && !Devices.isPrompt(disk + 1))
            Devices.took(disk, 2_000_001)
            check(Devices.isPrompt(disk) && !Devices.isPrompt(disk, atOnce: true))
            for _ in 0..<8 { Devices.took(disk, 2_000_000) }
            check(Devices.isPrompt(disk, atOnce: true))
            Devices.took(disk, 20_000_001)
            check(!Devices.isPrompt(disk))
            for _ in 0..<7 { Devices.took(disk, 1000) }
            check(!Devices.isPrompt(disk))
            Devices.took(disk, 1000)
            check(Devices.isPrompt(disk) && !Devices.isPrompt(disk, atOnce: true))
        }
    }

    @Test func `is whether it is slow in calls, for a while`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            for _ in 0..<8 { Devices.tookOnWorker(7, 4096, 1000) }
            // Rare ones are forgotten.
            for _ in 0..<20 {
                Devices.tookInCall(7, 200_001)
                for _ in 0..<1000 { Devices.tookInCall(7, 200_000) }
            }
            check(Devices.isQuick(7))
            for _ in 0..<8 { Devices.tookInCall(7, 200_001) }
            check(Devices.isQuick(7))
            Devices.tookInCall(7, 200_001)
            check(!Devices.isQuick(7))
            for _ in 0..<4096 { Devices.tookOnWorker(7, 4096, 1_000_000) }
            for _ in 0..<7 { Devices.tookOnWorker(7, 4096, 1) }
            check(!Devices.isQuick(7))
            Devices.tookOnWorker(7, 4096, 1)
            check(Devices.isQuick(7))
            // It may be slow as often as at first.
            for _ in 0..<8 { Devices.tookInCall(7, 200_001) }
            check(Devices.isQuick(7))
        }
    }

    @Test func `is whether calls sleep: then it is held, and for longer if that was too short`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            // Its first calls are watched.
            for _ in 0..<64 { check(Devices.course(7) == .watched) }
            check(Devices.course(7) == .plain && Devices.course(8) == .watched)
            // A tick of the coarse clock fell into one.
            Devices.submitted(7, since: .roughlyNow)
            check(Devices.course(7) == .plain)
            Devices.submitted(7, since: Instant(nanoseconds: Instant.roughlyNow.nanoseconds - 4_000_000))
            for _ in 0..<16 { check(Devices.course(7) == .watched) }
            check(Devices.course(7) == .plain)
            Devices.submitted(7, since: Instant(nanoseconds: Instant.roughlyNow.nanoseconds - 20_000_000))
            for _ in 0..<64 { check(Devices.course(7) == .watched) }
            check(Devices.course(7) == .plain)

            Devices.slept(7, 1_000_000)
            check(!Devices.holds(7))
            Devices.slept(7, 1_000_001)
            check(Devices.holds(7) && Devices.course(7) == .held && !Devices.holds(8) && !Devices.holds(9))
            Instant.sleep(for: 1_200_000_000)
            // A worker's sleep puts the end off.
            Devices.slept(7, 2_000_000)
            Instant.sleep(for: 1_200_000_000)
            check(Devices.holds(7))
            Instant.sleep(for: 900_000_000)
            check(!Devices.holds(7))
            for _ in 0..<16 { check(Devices.course(7) == .watched) }
            check(Devices.course(7) == .plain)
            // Too early: now it is held for twice as long.
            Devices.slept(7, 2_000_000)
            Instant.sleep(for: 3_500_000_000)
            check(Devices.holds(7))
            Instant.sleep(for: 600_000_000)
            check(!Devices.holds(7))
        }
    }

    @Test func `is not that a thread lost the processor, but that it slept`() {
        let watch = Watch()
        let end = Instant.now.nanoseconds + 5_000_000
        while Instant.now.nanoseconds < end {}
        #expect(watch.slept == 0)
        Instant.sleep(for: 2_000_000)
        #expect(watch.slept >= 7_000_000)
    }

    @Test func `is whether its writes are quick, and all there is to do`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            func write(_ device: UInt64, _ interval: Int64, isClean: Bool = true, times: Int = 1) {
                for _ in 0..<times { Devices.wroteOnWorker(device, 4096, interval, isClean: isClean) }
            }
            write(7, 1000, times: 7)
            write(7, 13_025)
            write(7, 13_024, times: 7)
            check(!Devices.keepsWrites(7) && Devices.mayKeepWrites(7))
            write(7, 1000)
            check(Devices.keepsWrites(7) && !Devices.mayKeepWrites(7) && !Devices.keepsWrites(8))
            for _ in 0..<9 { Devices.tookInCall(7, 200_001) }
            check(!Devices.keepsWrites(7))
            for _ in 0..<4096 { check(!Devices.mayKeepWrites(7)) }
            check(Devices.mayKeepWrites(7))
            write(7, 1000, times: 8)
            check(Devices.keepsWrites(7))
            // A page that is to be written to a device says enough.
            write(8, 1000, isClean: false)
            write(8, 1000, times: 100)
            check(!Devices.keepsWrites(8) && !Devices.mayKeepWrites(8))
        }
    }

    @Test func `is nothing before anything was learnt, nor where there is no room`() async {
        await #expect(processExitsWith: .success) {
            check(!Devices.isQuick(7) && !Devices.refuses(file(7), .read))
            Devices.learnRefusal(file(7), .read)
            check(Devices.prepare())
            check(!Devices.refuses(file(7), .read))
            // 64 find a place.
            for device in 0..<70 { for _ in 0..<8 { Devices.tookOnWorker(UInt64(device) << 20, 4096, 1000) } }
            check((0..<70).filter { Devices.isQuick(UInt64($0) << 20) }.count, is: 64)
            // Of many files the latest are known.
            for inode in 0..<100_000 as Range<UInt64> {
                Devices.learnRefusal(file(7, inode: inode), .write)
                check(Devices.refuses(file(7, inode: inode), .write))
            }
        }
    }

    @Test func `is learnt by many threads at once`() async {
        await #expect(processExitsWith: .success) {
            check(Devices.prepare())
            concurrently(4) { thread in
                for device in 0..<60 {
                    let device = UInt64((device + thread * 15) % 60)
                    Devices.learnRefusal(file(device), .read)
                    for _ in 0..<20 { Devices.tookOnWorker(device, 4096, 1000) }
                    check(Devices.isQuick(device) && Devices.refuses(file(device), .read))
                    Devices.tookInCall(device, 1000)
                }
            }
        }
    }
}

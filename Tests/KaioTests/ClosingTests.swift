import CKaio
import CKernel
import Glibc
import Testing

@testable import Kaio

@Suite struct `The page of the process` {
    @Test func `knows the descriptors that are the library's own`() async {
        await #expect(processExitsWith: .success) {
            let page = ProcessPage.make()!
            check(!page.isOwn(Descriptor(number: 5)))
            check(!page.isOwn(.none))
            for number in [9, 5, 800] as [CInt] { check(page.addOwn(Descriptor(number: number))) }
            check(page.isOwn(Descriptor(number: 5)) && page.isOwn(Descriptor(number: 800)))
            check(page.firstOwn(0, 1000), is: 5)
            check(page.firstOwn(6, 1000), is: 9)
            check(page.firstOwn(10, 799) == nil)
            check(page.firstOwn(800, 800), is: 800)
            page.removeOwn(Descriptor(number: 9))
            check(!page.isOwn(Descriptor(number: 9)))
            check(page.firstOwn(6, 1000), is: 800)
        }
    }

    @Test func `says where it has no place for one more, which is not kept open`() async {
        await #expect(processExitsWith: .success) {
            let page = ProcessPage.make()!
            for number in 0..<CInt(ProcessPage.ownCount) { check(page.addOwn(Descriptor(number: 1000 + number))) }
            check(ProcessPage.ownCount > 400)
            check(page.isOwn(Descriptor(number: 999 + CInt(ProcessPage.ownCount))))
            check(!page.addOwn(Descriptor(number: 7)))
            check(EventDescriptor.make() == nil)
            check(!Descriptor(number: dup(1)).adopted().isOpen)
            check(fcntl(800, F_GETFD), is: -1)
            page.removeOwn(Descriptor(number: 1000))
            check(EventDescriptor.make()?.descriptor.number, is: 800)
            check(page.isOwn(Descriptor(number: 800)))
        }
    }

    @Test func `is made once`() async {
        await #expect(processExitsWith: .success) {
            check(ProcessPage.current == nil)
            let page = ProcessPage.make()
            check(page != nil)
            page?.secret.pointee.store(7, ordering: .relaxed)
            check(ProcessPage.make()?.secret.pointee.load(ordering: .relaxed), is: 7)
        }
    }
}

@Suite struct `An exposed descriptor` {
    @Test func `is one from the first of its requests to the last`() async {
        await #expect(processExitsWith: .success) {
            withRequests(3) { requests in
                let (one, other) = (Descriptor(number: 50), Descriptor(number: 60))
                for request in requests { request.descriptor = one }
                requests[2].descriptor = other
                check(!Exposure.isExposed(one))
                for request in requests {
                    Exposure.begin(request)
                    // Once each.
                    Exposure.begin(request)
                }
                check(Exposure.isExposed(one) && Exposure.isExposed(other))
                Exposure.end(requests[0])
                Exposure.end(requests[0])
                check(Exposure.isExposed(one))
                Exposure.end(requests[1])
                check(!Exposure.isExposed(one) && Exposure.isExposed(other))
                Exposure.end(requests[2])
                check(!Exposure.isExposed(other))
            }
        }
    }

    @Test func `is among those that are looked at when a range is closed`() async {
        await #expect(processExitsWith: .success) {
            withRequests(1) { requests in
                check(Exposure.range(0, .max), is: 0..<0)
                requests[0].descriptor = Descriptor(number: 50)
                Exposure.begin(requests[0])
                check(Exposure.range(0, .max).contains(50))
                check(Exposure.range(50, 50), is: 50..<51)
                check(Exposure.range(51, .max).isEmpty)
                check(Exposure.range(0, 49).contains(50) == false)
                Exposure.end(requests[0])
            }
        }
    }

    @Test func `has its requests ended when it is closed, and the others go on`() async {
        await #expect(processExitsWith: .success) {
            let (one, other) = (TestPipe(), TestPipe())
            let duplicate = dup(one.reader)
            let jobs = [Job(one.reader, length: 8), Job(duplicate, length: 8), Job(other.reader, length: 8)]
            for job in jobs { check(job.read(), is: 0) }
            check(close(duplicate), is: 0)
            check(jobs[1].finish() == (-1, ECANCELED))
            check(jobs[0].error, is: EINPROGRESS)
            check(dup2(2, other.reader), is: other.reader)
            check(jobs[2].finish() == (-1, ECANCELED))
            one.write("8 bytes.")
            check(jobs[0].finish() == (8, 0))
        }
    }
}

import CKernel
import Testing

@testable import Kaio

extension Stack {
    fileprivate var names: [String] { (0..<count).map { String(Text(self[$0].name)) } }

    /// A stack from names, or nil and the name that is the problem.
    fileprivate static func from(_ names: StaticString) -> (names: [String]?, problem: String?) {
        var problem: String?
        let stack = Stack(names: Text(names)) { problem = String($0) }
        return (stack?.names, problem)
    }
}

@Suite struct `A stack` {
    @Test func `has its modules in the order of their names`() throws {
        let standard = try #require(Stack.from(Registry.standardStack).names)
        #expect(standard.first == "ordered")
        #expect(standard.last == "aio_pthread")
        #expect(Stack.from("ordered aio_linux aio_pthread").names == ["ordered", "aio_linux", "aio_pthread"])
        #expect(Stack.from("ordered,\taio_linux\naio_pthread").names == ["ordered", "aio_linux", "aio_pthread"])
    }

    @Test func `ends with aio_pthread, named or not`() {
        #expect(Stack.from("").names == ["aio_pthread"])
        #expect(Stack.from("aio_pthread").names == ["aio_pthread"])
        #expect(Stack.from("aio_linux").names == ["aio_linux", "aio_pthread"])
        #expect(Stack.from("aio_pthread ordered").problem == "aio_pthread")
    }

    @Test func `is none with a name that no module has, and says which`() {
        #expect(Stack.from("ordered aio_lnux aio_pthread").names == nil)
        #expect(Stack.from("ordered aio_lnux aio_pthread").problem == "aio_lnux")
        #expect(Stack.from("Ordered").problem == "Ordered")
        #expect(Stack.from("aio_linu").problem == "aio_linu")
        #expect(Stack.from("aio_linuxx").problem == "aio_linuxx")
    }

    @Test func `has no more modules than a request has places for`() {
        let full = Stack.from(
            """
            readonly readonly readonly readonly readonly readonly readonly readonly
            readonly readonly readonly readonly readonly readonly readonly
            """)
        #expect(full.names?.count == Stack.greatestCount)
        let tooMany = Stack.from(
            """
            readonly readonly readonly readonly readonly readonly readonly readonly
            readonly readonly readonly readonly readonly readonly readonly aio_linux
            """)
        #expect(tooMany.names == nil && tooMany.problem == "aio_linux")
    }

    @Test func `finds a module by its name`() throws {
        let stack = try #require(Stack(names: Text("ordered aio_linux")) { _ in })
        #expect(stack.position(of: "ordered") == 0)
        #expect(stack.position(of: "aio_linux") == 1)
        #expect(stack.position(of: "aio_pthread") == 2)
        #expect(stack.position(of: "aio") == nil)
    }

    @Test func `can be made of every module there is`() {
        var count = 0
        Registry.forEachName {
            #expect(Registry.make(Text($0), position: 0) != nil)
            count += 1
        }
        #expect(count >= 3)
    }
}

// swift-tools-version: 6.2
import PackageDescription

// Release is Embedded Swift: the shared object then needs libc and nothing else. Debug is plain Swift, for
// `swift test`, the sanitizers and the debugger. The linker's flags come from the Makefile, so that this
// manifest stays clean and other packages can depend on it.
let package = Package(
    name: "kaio",
    products: [
        .library(name: "kaio", type: .dynamic, targets: ["Kaio"])
    ],
    targets: [
        .systemLibrary(name: "CKaio", path: "include"),
        .systemLibrary(name: "CKernel", path: "Sources/CKernel"),
        .target(
            name: "Kaio",
            dependencies: ["CKaio", "CKernel"],
            exclude: ["exports.map"],
            swiftSettings: [
                .enableExperimentalFeature("Embedded", .when(configuration: .release))
            ]
        ),
        .testTarget(name: "KaioTests", dependencies: ["Kaio", "CKernel", "CKaio"]),
    ],
    swiftLanguageModes: [.v6]
)

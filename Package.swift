// swift-tools-version: 6.2
import PackageDescription

// Release is Embedded Swift: the shared object then needs libc and nothing else. Debug is plain Swift, for
// `swift test`, the sanitizers and the debugger. The linker's flags come from the Makefile, so that this
// manifest stays clean and other packages can depend on it.
let package = Package(
    name: "kaio",
    products: [
        .library(name: "kaio", type: .dynamic, targets: ["Kaio"]),
        .executable(name: "kaio-command", targets: ["kaio-command"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
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
        // Installed as `kaio`; the library's product has that name here.
        .executableTarget(
            name: "kaio-command",
            dependencies: ["CKaio", "CKernel", .product(name: "ArgumentParser", package: "swift-argument-parser")]
        ),
        .testTarget(name: "KaioTests", dependencies: ["Kaio", "CKernel", "CKaio"]),
    ],
    swiftLanguageModes: [.v6]
)

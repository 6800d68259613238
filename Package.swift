// swift-tools-version: 6.2
import PackageDescription

// The library's release object is made by the Makefile: Embedded Swift, for libc alone. Here all is plain Swift, also in
// release, so that a Swift program can have the same sources linked into it (AsyncFiles): two Swift runtimes in one program
// would not do. No unsafe flags, so that other packages can depend on it.
let package = Package(
    name: "kaio",
    products: [
        .library(name: "AsyncFiles", targets: ["AsyncFiles"]),
        .library(name: "kaio", type: .dynamic, targets: ["Kaio"]),
        .executable(name: "kaio-command", targets: ["kaio-command"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    ],
    targets: [
        .systemLibrary(name: "CKaio", path: "include"),
        .systemLibrary(name: "CKernel", path: "Sources/CKernel"),
        .target(name: "Kaio", dependencies: ["CKaio", "CKernel"], exclude: ["exports.map"]),
        .target(
            name: "AsyncFiles",
            dependencies: ["Kaio", "CKaio", "CKernel", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: [
                .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableExperimentalFeature("Lifetimes"),
            ]
        ),
        // Installed as `kaio`; the library's product has that name here.
        .executableTarget(
            name: "kaio-command",
            dependencies: ["CKaio", "CKernel", .product(name: "ArgumentParser", package: "swift-argument-parser")]
        ),
        .testTarget(name: "KaioTests", dependencies: ["Kaio", "CKernel", "CKaio"]),
        .testTarget(name: "AsyncFilesTests", dependencies: ["AsyncFiles"]),
    ],
    swiftLanguageModes: [.v6]
)

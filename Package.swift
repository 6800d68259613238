// swift-tools-version: 6.2
import PackageDescription

let files: [SwiftSetting] = [
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableExperimentalFeature("Lifetimes"),
]

// The library's release object is made by the Makefile: Embedded Swift, for libc alone. Here all is plain Swift, also in
// release, so that a Swift program can have the same sources linked into it (AsyncFiles): two Swift runtimes in one program
// would not do. No unsafe flags, so that other packages can depend on it.
let package = Package(
    name: "kaio",
    products: [
        .library(name: "AsyncFiles", targets: ["AsyncFiles"]),
        .library(name: "AsyncFilesNIO", targets: ["AsyncFilesNIO"]),
        .library(name: "kaio", type: .dynamic, targets: ["Kaio"]),
    ],
    // What only a trait needs is not fetched without it.
    traits: [
        .trait(
            name: "NIO", description: "AsyncFilesNIO: files are read into swift-nio's ByteBuffer, and written from it"),
        .default(enabledTraits: []),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
        // A command for who has this package open (generate-documentation); who depends on it does not fetch it.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
    ],
    targets: [
        .systemLibrary(name: "CKaio", path: "include"),
        .systemLibrary(name: "CKernel", path: "Sources/CKernel"),
        .target(name: "Kaio", dependencies: ["CKaio", "CKernel"], exclude: ["exports.map"]),
        .target(
            name: "AsyncFiles",
            dependencies: ["Kaio", "CKaio", "CKernel", .product(name: "SystemPackage", package: "swift-system")],
            swiftSettings: files
        ),
        // Empty without the trait.
        .target(
            name: "AsyncFilesNIO",
            dependencies: [
                "AsyncFiles", .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["NIO"])),
            ],
            swiftSettings: files
        ),
        .testTarget(name: "KaioTests", dependencies: ["Kaio", "CKernel", "CKaio"]),
        .testTarget(name: "AsyncFilesTests", dependencies: ["AsyncFiles", "AsyncFilesNIO"]),
    ],
    swiftLanguageModes: [.v6]
)

// What the command alone needs is fetched for the command alone (`make command`), not for packages that depend on this one.
// Installed as `kaio`; the library's product has that name here.
if Context.environment["KAIO_COMMAND"] != nil {
    package.products.append(.executable(name: "kaio-command", targets: ["kaio-command"]))
    package.dependencies.append(.package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"))
    package.targets.append(
        .executableTarget(
            name: "kaio-command",
            dependencies: ["CKaio", "CKernel", .product(name: "ArgumentParser", package: "swift-argument-parser")]
        ))
}

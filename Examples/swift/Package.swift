// swift-tools-version: 6.2
import PackageDescription

let files: [Target.Dependency] = [
    .product(name: "AsyncFiles", package: "kaio"), .product(name: "SystemPackage", package: "swift-system"),
]

// In a package of your own, the address of this repository stands in place of the path.
let package = Package(
    name: "async-files-examples",
    dependencies: [
        .package(name: "kaio", path: "../..", traits: ["NIO"]),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    ],
    targets: [
        .executableTarget(name: "copy-file", dependencies: files),
        .executableTarget(name: "cancel-read", dependencies: files),
        .executableTarget(
            name: "file-server",
            dependencies: files + [
                .product(name: "AsyncFilesNIO", package: "kaio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]
        ),
    ],
    swiftLanguageModes: [.v6]
)

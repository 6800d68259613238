// swift-tools-version: 6.1
import PackageDescription

let package = Package(
    name: "async-file",
    products: [.library(name: "AsyncFile", targets: ["AsyncFile"])],
    targets: [
        .systemLibrary(name: "CKaio", pkgConfig: "kaio", providers: [.apt(["libkaio-dev"])]),
        .target(name: "AsyncFile", dependencies: ["CKaio"]),
        .executableTarget(name: "copy-file", dependencies: ["AsyncFile"]),
        .executableTarget(name: "cancel-read", dependencies: ["AsyncFile"]),
    ],
    swiftLanguageModes: [.v6]
)

// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because everything in it is compiled with libFuzzer's instrumentation. In this folder:
//
//     swift build -c release -Xswiftc -enable-testing -Xswiftc -sanitize=fuzzer
//     ./run.sh
//
// README.md says more. The readers stand in Reader.swift.
let package = Package(
    name: "fuzz",
    dependencies: [
        .package(name: "d3llm", path: ".."),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    ],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [
                .product(name: "Readers", package: "d3llm"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                // Fuzz.swift says where the program starts.
                .unsafeFlags(["-parse-as-library"]),
            ],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])])
    ]
)

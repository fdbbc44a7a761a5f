// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because everything in it is compiled with libFuzzer's instrumentation. In this folder:
//
//     swift build -Xswiftc -sanitize=fuzzer
//     READER=template .build/debug/fuzz -timeout=20 -rss_limit_mb=4000 CORPUS
//
// The readers stand in Reader.swift. CORPUS is a folder that the library fills; real files in it are a good beginning.
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
                // The library brings a `main` of its own.
                .unsafeFlags(["-parse-as-library"]),
            ],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])])
    ]
)

// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that building the project doesn't build its benchmarks.
let package = Package(
    name: "speed-bench",
    dependencies: [
        .package(name: "d3llm", path: "../.."),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    ],
    targets: [
        .executableTarget(
            name: "speed-bench",
            dependencies: [
                .product(name: "Models", package: "d3llm"),
                .product(name: "Tokenizers", package: "d3llm"),
                .product(name: "Reporting", package: "d3llm"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)

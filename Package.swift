// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "d3llm",
    products: [
        .executable(name: "d3llm", targets: ["d3llm"]),
        // For Benchmarks, which is a package of its own.
        .library(name: "Tokenizers", targets: ["Tokenizers", "Documents", "JSON"]),
        .library(
            name: "Models",
            targets: ["Numerics", "Transformers", "Decoding", "Training", "Documents", "Files", "JSON"]),
        .library(name: "Reporting", targets: ["Reporting"]),
        // For Fuzz.
        .library(
            name: "Readers",
            targets: [
                "Archives", "ChatTemplates", "Columnar", "Fetching", "GGUF", "JSON", "Serving", "Tokenizers",
                "Transformers",
            ]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    ],
    targets: [
        // C: what needs explicit control of loading or of vector code.
        .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl")]),
        // Loads what `make mpi` compiles from shim.c, so that building this package takes no MPI.
        .target(name: "CMPI", exclude: ["shim.c"], linkerSettings: [.linkedLibrary("dl")]),
        .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
        .systemLibrary(
            name: "CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "COniguruma", pkgConfig: "oniguruma", providers: [.apt(["libonig-dev"])]),
        // Its pkg-config file has a flag that SwiftPM prohibits; headers and library are where the compiler looks.
        .systemLibrary(name: "CUTF8Proc", providers: [.apt(["libutf8proc-dev"])]),

        // Bytes as others read them, threads: below everything, knows nothing of it.
        .target(name: "Base"),

        // Documents and files: know nothing of models.
        .target(name: "JSON"),
        // The reader of their objects: typed members, bounds, places, descriptions.
        .target(name: "Documents", dependencies: ["JSON"]),
        .target(
            name: "Files",
            dependencies: ["Base", "CCrypto", .product(name: "SystemPackage", package: "swift-system")]),
        .target(
            name: "Archives",
            dependencies: [
                "CArchive", "Files", .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // Models as llama.cpp's programs write them: metadata and tensors.
        .target(
            name: "GGUF", dependencies: ["Files", .product(name: "SystemPackage", package: "swift-system")]),

        // Data sets as rows.
        .target(
            name: "Columnar",
            dependencies: [
                "Archives", "JSON", "Files", .product(name: "SystemPackage", package: "swift-system"),
            ]),

        .target(
            name: "Fetching",
            dependencies: [
                "Documents", "CCurl", "CCrypto", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // The science.
        .target(name: "Numerics", dependencies: ["COpenBLAS", "CKernels"]),
        .target(
            name: "Transformers",
            dependencies: [
                "Documents", "Numerics", "GGUF", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Jinja, as far as chat templates have it.
        .target(name: "ChatTemplates", dependencies: ["JSON", "Base"]),
        .target(
            name: "Tokenizers",
            dependencies: [
                "ChatTemplates", "Documents", "GGUF", "JSON", "Files", "COniguruma", "CUTF8Proc",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "HeapModule", package: "swift-collections"),
            ]),
        .target(
            name: "Decoding", dependencies: ["Documents", "JSON", "Transformers", "Numerics"]),
        .target(name: "Training", dependencies: ["Transformers", "Numerics"]),
        // What is counted and claimed of samples: sweeps, AUP, intervals.
        .target(name: "Measures", dependencies: ["Numerics"]),
        .target(
            name: "Evaluation",
            dependencies: [
                "Documents", "Numerics", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // Runs programs that models wrote.
        .target(name: "CSandbox"),
        .target(
            name: "Sandbox",
            dependencies: [
                "CSandbox", "JSON", "Files", .product(name: "SystemPackage", package: "swift-system"),
            ]),

        // The runner.
        // From a configuration to stages and their fingerprints.
        .target(
            name: "Recipes",
            dependencies: [
                "Documents", "JSON", "Files", .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        // Artifacts, journals, locks and records of runs on disk.
        .target(
            name: "ArtifactStore",
            dependencies: [
                "Recipes", "JSON", "Files", .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Several processes that compute for one: who they are, what they are asked, what becomes of those that are lost.
        .target(
            name: "Ranks",
            dependencies: [
                "ArtifactStore", "Recipes", "Base", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // What is done, in which order, and how long it takes.
        .target(
            name: "Runs",
            dependencies: [
                "Ranks", "ArtifactStore", "Recipes", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ]),
        // Whether what was done is right: verify, determinism, differences, sharing, collecting.
        .target(
            name: "Audit",
            dependencies: [
                "Runs", "ArtifactStore", "Recipes", "Archives", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "Reporting",
            dependencies: ["Files"],
            resources: ["report.css", "theme.js", "charts.js", "samples.js", "viewer.js", "teaching.js"].map {
                .embedInCode("Assets/\($0)")
            }),
        // The kinds of stages, each target above those whose artifacts its kinds read.
        // What all share: types of artifacts, facts and errors; passes and what they take.
        .target(
            name: "StageBasics",
            dependencies: [
                "Recipes", "ArtifactStore", "Runs", "Training", "Transformers", "Numerics",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Questions, benchmarks and files of one's own.
        .target(
            name: "DataStages",
            dependencies: [
                "StageBasics", "Recipes", "ArtifactStore", "Runs", "Fetching", "Evaluation", "ChatTemplates",
                "Sandbox", "Tokenizers",
                "Transformers", "Reporting", "Archives", "Columnar", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Checkpoints, of this machine or fetched.
        .target(
            name: "ModelStages",
            dependencies: [
                "DataStages", "StageBasics", "Recipes", "ArtifactStore", "Runs", "Fetching", "Decoding",
                "Evaluation", "ChatTemplates", "Tokenizers", "Transformers", "GGUF", "Numerics", "Archives",
                "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("known-models.json")]),
        // Answers of models: trajectories to learn from, samples to count.
        .target(
            name: "DecodingStages",
            dependencies: [
                "ModelStages", "DataStages", "StageBasics", "Recipes", "ArtifactStore", "Runs", "Audit",
                "Decoding", "Evaluation", "Measures", "Tokenizers", "Transformers", "Numerics", "Reporting",
                "Sandbox",
                "Archives", "Columnar", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Tokenizers and models made here.
        .target(
            name: "TrainingStages",
            dependencies: [
                "DecodingStages", "ModelStages", "DataStages", "StageBasics", "Recipes", "ArtifactStore",
                "Ranks", "Runs", "Audit", "Training", "Evaluation", "ChatTemplates", "Tokenizers",
                "Transformers",
                "Numerics",
                "Reporting", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Curves, tables, claims and the report of a run.
        .target(
            name: "ResultStages",
            dependencies: [
                "TrainingStages", "DecodingStages", "DataStages", "StageBasics", "Recipes", "ArtifactStore",
                "Runs", "Audit", "Training", "Decoding", "Evaluation", "Measures", "Tokenizers", "Numerics",
                "Reporting",
                "Documents", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // All kinds by name, and what is known of this machine.
        .target(
            name: "Stages",
            dependencies: [
                "ResultStages", "TrainingStages", "DecodingStages", "ModelStages", "DataStages",
                "StageBasics", "Recipes", "ArtifactStore", "Ranks", "Runs", "Training", "Decoding",
                "Evaluation",
                "Measures",
                "Tokenizers", "Transformers", "Numerics", "Reporting", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // One experiment over several processes.
        .target(
            name: "Cluster",
            dependencies: ["CMPI", "Ranks", "Recipes", "ArtifactStore", "Runs", "Audit", "Base"]),
        .target(
            name: "Published",
            dependencies: [
                "Documents", "Evaluation", "Measures", "Recipes", "ArtifactStore", "Runs", "Audit",
                "Reporting", "JSON",
                "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Decoding in front of people.
        .target(
            name: "Sessions",
            dependencies: [
                "Decoding", "ChatTemplates", "Tokenizers", "Transformers", "Numerics", "Documents", "JSON",
                "Files",
                "CUTF8Proc",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "Serving",
            dependencies: [
                "Sessions", "Decoding", "ChatTemplates", "Tokenizers", "Transformers", "Documents", "JSON",
                "Base",
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Assets")]),
        // Which runs a store has, and what differs between them.
        .target(
            name: "History",
            dependencies: [
                "Recipes", "ArtifactStore", "Runs", "Reporting", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // The configurations of this project, for those who have the program only. Files is a folder of links to them.
        .target(
            name: "Cookbook",
            dependencies: [
                "JSON", "Files", .product(name: "SystemPackage", package: "swift-system"),
            ],
            resources: [.embedInCode("Files")]),
        .target(
            name: "Notebooks",
            dependencies: [
                "Recipes", "ArtifactStore", "Runs", "Audit", "Reporting", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .target(
            name: "Parity",
            dependencies: [
                "Documents", "Decoding", "Training", "Evaluation", "Measures", "Tokenizers", "Transformers",
                "Numerics",
                "JSON",
                "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        // Jobs of a cluster.
        .target(
            name: "Slurm",
            dependencies: [
                "Recipes", "ArtifactStore", "Runs", "Audit", "JSON", "Files",
                .product(name: "SystemPackage", package: "swift-system"),
            ]),
        .executableTarget(
            name: "d3llm",
            dependencies: [
                "Slurm", "Cluster", "Stages", "ResultStages", "DecodingStages", "ModelStages", "DataStages",
                "StageBasics", "Parity",
                "Published", "Reporting", "Recipes", "ArtifactStore",
                "Ranks", "Runs", "Audit", "Fetching",
                "Sessions", "Serving", "Notebooks", "Cookbook", "History",
                "Decoding", "Tokenizers", "Transformers", "Numerics", "Sandbox", "Documents", "JSON", "Files",
                "Archives",
                "Columnar",
                .product(name: "SystemPackage", package: "swift-system"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),

        .testTarget(name: "BaseTests", dependencies: ["Base", "TestSupport"]),
        .testTarget(name: "DocumentsTests", dependencies: ["Documents", "TestSupport"]),
        .testTarget(name: "JSONTests", dependencies: ["JSON", "TestSupport"]),
        .testTarget(name: "FilesTests", dependencies: ["Files", "TestSupport"]),
        .testTarget(name: "FetchingTests", dependencies: ["Fetching", "TestSupport"]),
        .testTarget(name: "ArchivesTests", dependencies: ["Archives", "CArchive", "TestSupport"]),
        .testTarget(name: "ColumnarTests", dependencies: ["Columnar", "TestSupport"]),
        .testTarget(name: "NumericsTests", dependencies: ["Numerics", "CKernels", "TestSupport"]),
        .testTarget(name: "GGUFTests", dependencies: ["GGUF", "TestSupport"]),
        .testTarget(
            name: "TransformersTests", dependencies: ["Transformers", "GGUF", "Numerics", "TestSupport"]),
        .testTarget(name: "TokenizersTests", dependencies: ["ChatTemplates", "Tokenizers", "TestSupport"]),
        .testTarget(name: "DecodingTests", dependencies: ["Decoding", "Documents", "TestSupport"]),
        .testTarget(
            name: "TrainingTests", dependencies: ["Training", "Transformers", "Numerics", "TestSupport"]),
        .testTarget(name: "EvaluationTests", dependencies: ["Evaluation", "Measures", "TestSupport"]),
        .testTarget(
            name: "PipelineTests",
            dependencies: ["Recipes", "ArtifactStore", "Runs", "Audit", "Archives", "Base", "TestSupport"]),
        .testTarget(name: "ReportingTests", dependencies: ["Reporting", "TestSupport"]),
        .testTarget(
            name: "StagesTests",
            dependencies: [
                "Stages", "ResultStages", "TrainingStages", "DecodingStages", "ModelStages", "DataStages",
                "StageBasics", "Recipes", "ArtifactStore", "Ranks", "Runs", "Audit", "Training", "Decoding",
                "Evaluation", "Measures",
                "ChatTemplates", "Tokenizers", "Transformers",
                "Numerics", "TestModels", "TestSupport",
            ]),
        .testTarget(
            name: "PublishedTests",
            dependencies: [
                "Published", "Evaluation", "Measures", "Recipes", "ArtifactStore", "Runs", "Audit",
                "Reporting",
                "TestSupport",
            ]),
        .testTarget(
            name: "NotebooksTests",
            dependencies: ["Notebooks", "Recipes", "ArtifactStore", "Runs", "Audit", "TestSupport"]),
        .testTarget(name: "CookbookTests", dependencies: ["Cookbook", "TestSupport"]),
        .testTarget(
            name: "HistoryTests",
            dependencies: ["History", "Recipes", "ArtifactStore", "Runs", "Reporting", "TestSupport"]),
        .testTarget(name: "SandboxTests", dependencies: ["Sandbox", "CSandbox", "Base", "TestSupport"]),
        .testTarget(
            name: "SessionsTests",
            dependencies: ["Sessions", "Decoding", "Tokenizers", "ChatTemplates", "TestSupport"]),
        .testTarget(name: "ServingTests", dependencies: ["Serving", "Sessions", "Base", "TestSupport"]),
        .testTarget(
            name: "SlurmTests",
            dependencies: ["Slurm", "Recipes", "ArtifactStore", "Runs", "Audit", "Stages", "TestSupport"]),
        .testTarget(name: "ParityTests", dependencies: ["Parity", "TestSupport"]),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Cluster", "Stages", "TrainingStages", "Ranks", "Recipes", "ArtifactStore", "Runs", "Audit",
                "d3llm",
                "TestSupport",
            ]),
        // The command itself, run as a process.
        .testTarget(name: "CommandTests", dependencies: ["d3llm", "Archives", "TestSupport"]),
        // The experiments at full scale against a mirror on this machine, with models of no size.
        .testTarget(name: "PaperTests", dependencies: ["d3llm", "TestModels", "TestSupport"]),
        .target(
            name: "TestModels",
            dependencies: [
                "Transformers", "Numerics", "Files", "TestSupport",
                .product(name: "SystemPackage", package: "swift-system"),
            ], path: "Tests/Models"),
        .target(
            name: "TestSupport",
            dependencies: ["JSON", "Files", .product(name: "SystemPackage", package: "swift-system")],
            path: "Tests/Support"),
    ]
)

// Every test target may read files and JSON.
for target in package.targets where target.type == .test {
    for name in ["JSON", "Files"]
    where !target.dependencies.contains(where: { "\($0)".contains("\"\(name)\"") }) {
        target.dependencies.append(.target(name: name))
    }
    target.dependencies.append(.product(name: "SystemPackage", package: "swift-system"))
}

/// Targets of C sources.
let cTargets = ["COpenBLAS", "CKernels", "CSandbox", "CMPI"]

// Every other target may use what lies below all.
for target in package.targets
where target.type != .system && target.name != "Base" && !cTargets.contains(target.name)
    && !target.dependencies.contains(where: { "\($0)".contains("\"Base\"") })
{
    target.dependencies.append(.target(name: "Base"))
}

/// Strict settings for every Swift target; `D3LLM_STRICT=1` (set in CI) also turns warnings into errors.
let strict = Context.environment["D3LLM_STRICT"] == "1"
for target in package.targets where target.type != .system {
    guard !cTargets.contains(target.name) else { continue }
    target.swiftSettings =
        [
            .swiftLanguageMode(.v6),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("MemberImportVisibility"),
            .enableUpcomingFeature("InternalImportsByDefault"),
        ] + (strict ? [.treatAllWarnings(as: .error)] : [])
}

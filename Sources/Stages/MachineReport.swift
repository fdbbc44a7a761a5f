package import ArtifactStore
internal import JSON
internal import Numerics
internal import Reporting
internal import SystemPackage

/// What `d3llm doctor` says: what this machine has, how fast it is, and what it lacks.
package struct MachineReport: Sendable {
    /// The matrix library, or why there is none.
    package enum MatrixLibrary: Sendable {
        case loaded(NumericsFacts.MatrixLibrary)
        /// What is wrong, and how it is put right.
        case missing(String)
    }

    package let machine: Machine
    /// As the kernel lists them: `0-3,8`.
    package let allowedProcessors: String?
    package let onlineProcessors: Int
    /// In bytes.
    package let availableMemory: Int?
    /// The instruction level that the project's own kernels take.
    package let vectorLevel: String
    package let store: Store
    /// On the store's disk, in bytes.
    package let freeSpace: Int?
    package let library: MatrixLibrary
    /// Nil where there is no library to measure.
    package let speed: SpeedTest?

    /// What has to be put right before an experiment can run, as sentences.
    package var problems: [String] {
        if case .missing(let problem) = library { [problem] } else { [] }
    }

    /// Looks at this machine and measures it.
    ///
    /// - Parameters:
    ///   - store: Where artifacts will go.
    ///   - threads: How many threads to measure with.
    ///   - seconds: For each of six measurements.
    package static func make(store: Store, threads: Int, seconds: Double = 0.25) -> MachineReport {
        let library: MatrixLibrary
        do throws(BLASError) {
            library = .loaded(.init(try BLAS.load()))
        } catch {
            library = .missing(error.description)
        }
        let isLoaded = if case .loaded = library { true } else { false }
        return MachineReport(
            machine: .current, allowedProcessors: Machine.allowedProcessors(),
            onlineProcessors: Machine.onlineProcessors(), availableMemory: Machine.availableMemory(),
            vectorLevel: Kernels.level, store: store, freeSpace: store.freeSpace(), library: library,
            speed: isLoaded ? SpeedTest.run(threads: threads, seconds: seconds) : nil)
    }
}

extension MachineReport {
    /// The same as ``text`` for programs; sizes in bytes, speeds in GFLOP/s.
    ///
    /// - Throws: `JSONWritingError` when a measured speed is no number.
    package func json() throws -> String { try value.printedText() }

    private var value: JSONValue {
        [
            "version": .string(Version.current), "swift": .string(Version.swift),
            "system": .string(machine.system), "processor": .string(machine.processor),
            "cores": .integer(machine.cores), "allowedProcessors": optional(allowedProcessors),
            "onlineProcessors": .integer(onlineProcessors), "kernels": .string(vectorLevel),
            "memoryBytes": .integer(machine.memory), "availableMemoryBytes": optional(availableMemory),
            "store": .string(store.root.string), "freeBytes": optional(freeSpace), "blas": blas,
            "speed": speed.map(value(of:)) ?? .null, "problems": .array(problems.map(JSONValue.string)),
        ]
    }

    private var blas: JSONValue {
        if case .loaded(let library) = library { library.value } else { .null }
    }

    private func value(of speed: SpeedTest) -> JSONValue {
        [
            "threads": .integer(speed.threads), "limitOfOneThread": .number(speed.limitOfOne),
            "limit": .number(speed.limitOfAll),
            "products": .array(
                speed.products.map {
                    [
                        "m": .integer($0.shape.m), "n": .integer($0.shape.n), "k": .integer($0.shape.k),
                        "speed": .number($0.gigaflops), "share": .number(speed.share(of: $0)),
                    ]
                }),
        ]
    }

    private func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    private func optional(_ number: Int?) -> JSONValue { number.map(JSONValue.integer) ?? .null }
}

extension MachineReport {
    /// For people: a line per fact, then the table of speeds, then what is missing.
    package var text: String {
        let width = facts.map(\.name.count).max() ?? 0
        var text = facts.map { fact in
            fact.name + String(repeating: " ", count: width - fact.name.count) + "  \(fact.value)\n"
        }.joined()
        if let speed { text += "\n" + TextTableRenderer().render(Self.table(of: speed)) }
        let problems = problems
        text +=
            problems.isEmpty
            ? "\nNothing is missing.\n"
            : "\nTo be put right first:\n" + problems.map { "- \($0)\n" }.joined()
        return text
    }

    private var facts: [(name: String, value: String)] {
        var facts = [
            ("d3llm", "\(Version.current), built with Swift \(Version.swift)"),
            ("system", machine.system),
            ("processor", machine.processor),
            (
                "cores",
                "\(machine.cores) for this process (\(allowedProcessors ?? "?")), \(onlineProcessors) in all"
            ),
            ("vector code", vectorLevel),
            (
                "memory",
                Self.gibibytes(machine.memory)
                    + (availableMemory.map { ", \(Self.gibibytes($0)) available" } ?? "")
            ),
            ("disk", (freeSpace.map(Self.gibibytes) ?? "unknown") + " free at \(store.root)"),
        ]
        switch library {
        case .missing: facts.append(("OpenBLAS", "missing"))
        case .loaded(let blas):
            facts.append(("OpenBLAS", blas.path))
            facts.append(("", blas.configuration))
            var choice =
                blas.requestedCore.map { $0 == blas.core ? "as asked for" : "asked for: \($0)" }
                ?? "its own choice"
            if let replaced = blas.replacedCoreType {
                choice += "; OPENBLAS_CORETYPE=\(replaced) was replaced, D3LLM_BLAS_CORE would win"
            }
            facts.append(("", "kernels \(blas.core) (\(choice))"))
        }
        return facts
    }

    private static func table(of speed: SpeedTest) -> Table {
        var table = Table(
            title: "Speed on \(speed.threads) \(speed.threads == 1 ? "thread" : "threads")",
            columns: [
                .init("What"), .init("GFLOP/s", alignment: .decimal),
                .init("Share", unit: "%", alignment: .decimal),
            ],
            notes: ["Products: rows x columns x depth, single precision. Share: of the multiply-add limit."])
        if speed.threads > 1 {
            table.append([
                .text("multiply-add limit, 1 thread"), .number(speed.limitOfOne, digits: 0),
                .number(percent(speed.limitOfOne, of: speed), digits: 0),
            ])
        }
        table.append([
            .text("multiply-add limit"), .number(speed.limitOfAll, digits: 0), .number(100, digits: 0),
        ])
        for product in speed.products {
            table.append([
                .text("product \(product.shape)"), .number(product.gigaflops, digits: 0),
                .number(100 * speed.share(of: product), digits: 0),
            ])
        }
        return table
    }

    private static func percent(_ gigaflops: Double, of speed: SpeedTest) -> Double {
        speed.limitOfAll > 0 ? 100 * gigaflops / speed.limitOfAll : 0
    }

    private static func gibibytes(_ bytes: Int) -> String {
        FixedPoint.text(Double(bytes) / 1_073_741_824, digits: 1) + " GiB"
    }
}

/// How fast this machine multiplies, against what its arithmetic units could do at most.
package struct SpeedTest: Sendable {
    /// Products are M × K by K × N.
    package struct Shape: Sendable, Hashable, CustomStringConvertible {
        package let m: Int
        package let n: Int
        package let k: Int

        package var description: String { "\(m)x\(n)x\(k)" }
    }

    /// A shape and its speed.
    package struct Product: Sendable {
        package let shape: Shape
        /// On all threads.
        package let gigaflops: Double
    }

    package let threads: Int
    /// The multiply-add limit of one thread, in GFLOP/s.
    package let limitOfOne: Double
    /// The multiply-add limit of all threads, in GFLOP/s.
    package let limitOfAll: Double
    package let products: [Product]

    /// A large product, a product with a weight of a 8B model at a small batch, and two of the mini models' size.
    static let shapes = [
        Shape(m: 2048, n: 2048, k: 2048), Shape(m: 64, n: 4096, k: 4096), Shape(m: 2048, n: 256, k: 1024),
        Shape(m: 64, n: 256, k: 1024),
    ]

    /// Measures; takes about seconds times six, and longer where one large product takes longer.
    static func run(threads: Int, seconds: Double) -> SpeedTest {
        let one = PeakProbe.fusedMultiplyAdd(threads: 1, seconds: seconds)
        let all = threads == 1 ? one : PeakProbe.fusedMultiplyAdd(threads: threads, seconds: seconds)
        return SpeedTest(
            threads: threads, limitOfOne: one, limitOfAll: all,
            products: shapes.map {
                Product(
                    shape: $0,
                    gigaflops: PeakProbe.product(
                        m: $0.m, n: $0.n, k: $0.k, threads: threads, seconds: seconds))
            })
    }

    /// The share of the limit that a product reaches, from 0 to about 1.
    func share(of product: Product) -> Double {
        limitOfAll > 0 ? product.gigaflops / limitOfAll : 0
    }
}

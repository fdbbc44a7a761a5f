internal import ArtifactStore
internal import Reporting

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

internal import ArtifactStore
internal import JSON
internal import SystemPackage

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

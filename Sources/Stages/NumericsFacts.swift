internal import Files
package import JSON
internal import Numerics
package import SystemPackage
internal import Transformers

/// What decides the last bits and the speed of numbers on this machine.
package enum NumericsFacts {
    /// The loaded library of matrix products.
    package struct MatrixLibrary: Sendable {
        package let path: String
        /// Version and build options, as the library says them.
        package let configuration: String
        /// The kernel family in use.
        package let core: String
        /// The kernel family that was asked for; nil where the library chose.
        package let requestedCore: String?
        /// The value of `OPENBLAS_CORETYPE` that was replaced.
        package let replacedCoreType: String?

        var value: JSONValue {
            [
                "core": .string(core), "requestedCore": requestedCore.map(JSONValue.string) ?? .null,
                "replacedCoreType": replacedCoreType.map(JSONValue.string) ?? .null,
                "configuration": .string(configuration), "path": .string(path),
            ]
        }
    }

    /// The library in use, what was asked of it, and the level of the vector code, as records hold them.
    ///
    /// Loads the library.
    /// - Throws: `BLASError` when it is missing.
    package static func recorded() throws -> JSONObject {
        [
            "kernels": .string(Kernels.level), "blas": MatrixLibrary(try BLAS.load()).value,
            "products": [
                "bfloat16": .string(BFloat16Weight.level), "int8": .string(Int8Weight.level),
            ],
        ]
    }
}

extension NumericsFacts.MatrixLibrary {
    init(_ information: BLAS.Information) {
        self.init(
            path: information.path, configuration: information.configuration, core: information.core,
            requestedCore: information.requested, replacedCoreType: information.replacedEnvironment)
    }
}

/// The largest difference of the numbers of two checkpoints.
package enum TensorDifference {
    /// Nil when a file is no checkpoint of floats, or when the two have other tensors.
    package static func largest(_ a: FilePath, _ b: FilePath) -> Double? {
        guard a.extension == "safetensors", let x = try? SafetensorsFile(a), let y = try? SafetensorsFile(b),
            Set(x.entries.keys) == Set(y.entries.keys)
        else { return nil }
        var largest: Float = 0
        for (name, entry) in x.entries {
            let count = entry.count
            guard let old = try? x.matrix(name, shape: entry.shape, rows: 1, columns: count),
                let new = try? y.matrix(name, shape: entry.shape, rows: 1, columns: count)
            else { return nil }
            for i in 0..<count { largest = max(largest, abs(old[0, i] - new[0, i])) }
        }
        return Double(largest)
    }

    /// The first tensor by name whose bytes differ in two checkpoints; nil when there is none, or nothing to compare.
    package static func first(_ a: FilePath, _ b: FilePath) -> String? {
        guard a.extension == "safetensors", let x = try? SafetensorsFile(a), let y = try? SafetensorsFile(b)
        else { return nil }
        return x.entries.keys.sorted().first { name in
            guard let entry = x.entries[name],
                let old = try? x.matrix(name, shape: entry.shape, rows: 1, columns: entry.count),
                let new = try? y.matrix(name, shape: entry.shape, rows: 1, columns: entry.count)
            else { return true }
            return zip(old.elements, new.elements).contains { $0.bitPattern != $1.bitPattern }
        }
    }
}

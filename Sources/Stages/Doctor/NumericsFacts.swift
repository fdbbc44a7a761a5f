package import JSON
internal import Numerics

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

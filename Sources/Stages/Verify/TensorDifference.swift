internal import Files
internal import Numerics
package import SystemPackage
internal import Transformers

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
}

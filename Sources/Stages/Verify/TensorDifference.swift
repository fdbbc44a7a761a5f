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

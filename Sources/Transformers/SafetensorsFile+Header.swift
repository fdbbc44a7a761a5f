internal import JSON
internal import SystemPackage

extension SafetensorsFile {
    /// One member of the header as an entry, checked against its own shape and the file's size.
    static func entry(
        _ member: JSONMember, dataStart: Int, fileSize: Int, _ path: FilePath
    ) throws(CheckpointError) -> Entry {
        let name = member.key
        guard let typeName = member.value["dtype"]?.string, let shapeNodes = member.value["shape"]?.array,
            let offsets = member.value["data_offsets"]?.array, offsets.count == 2,
            let begin = offsets[0].int, let end = offsets[1].int
        else {
            throw CheckpointError(path, tensor: name, "the header gives no dtype, shape and data_offsets")
        }
        guard let type = ElementType(rawValue: typeName) else {
            let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw CheckpointError(path, tensor: name, "has the element type \(typeName); known are \(known)")
        }
        var bytes = type.size
        var shape: [Int] = []
        for node in shapeNodes {
            guard let extent = node.int, extent >= 0 else {
                throw CheckpointError(path, tensor: name, "has a shape with something that is not a size")
            }
            let product = bytes.multipliedReportingOverflow(by: extent)
            guard !product.overflow else {
                throw CheckpointError(path, tensor: name, "has an impossible shape")
            }
            bytes = product.partialValue
            shape.append(extent)
        }
        let available = fileSize - dataStart
        guard begin >= 0, end >= begin, end <= available else {
            throw CheckpointError(
                path, tensor: name,
                "lies at bytes \(begin)..<\(end) of the data, but the file holds only \(available); it is truncated"
            )
        }
        guard end - begin == bytes else {
            throw CheckpointError(
                path, tensor: name, "has \(end - begin) bytes; \(typeName) \(shape) needs \(bytes)")
        }
        return Entry(type: type, shape: shape, range: dataStart + begin..<dataStart + end)
    }

    /// Refuses tensors that share bytes and bytes that belong to no tensor, as the format's specification does:
    /// a file with either was damaged or made to be read differently by different programs.
    static func checkLayout(
        _ entries: [String: Entry], dataStart: Int, fileSize: Int, _ path: FilePath
    ) throws(CheckpointError) {
        let ordered = entries.sorted {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
        }
        var end = dataStart
        var previous = "the header"
        for (name, entry) in ordered {
            let begin = entry.range.lowerBound
            if begin < end {
                throw CheckpointError(
                    path, tensor: name,
                    "begins at byte \(begin - dataStart) of the data, inside \(previous), which ends at \(end - dataStart); tensors may not overlap"
                )
            }
            if begin > end {
                throw CheckpointError(
                    path, tensor: name,
                    "begins at byte \(begin - dataStart) of the data, but \(previous) ends at \(end - dataStart); bytes between tensors are not allowed"
                )
            }
            end = entry.range.upperBound
            previous = "tensor \(name)"
        }
        guard end == fileSize else {
            throw CheckpointError(
                path, "has \(fileSize - end) bytes behind the last tensor; it should end with \(previous)")
        }
    }
}

public import Numerics

/// All parameters in one buffer, in order of layout: what training changes, and what gradients and optimiser
/// state look like.
public final class FlatParameters: Sendable {
    public let configuration: TransformerConfiguration
    public let buffer: FloatBuffer
    /// Views into ``buffer`` by role.
    public let views: ModelParameters<MutableMatrix>
    /// Each parameter with the offset of its first element.
    public let specifications: [(specification: ParameterSpecification, offset: Int)]

    /// All parameters zero.
    public init(zeros configuration: TransformerConfiguration) {
        let buffer = FloatBuffer(zeros: configuration.parameterCount)
        var offset = 0
        var specifications: [(specification: ParameterSpecification, offset: Int)] = []
        views = ModelParameters(configuration) { (specification) -> MutableMatrix in
            defer { offset += specification.count }
            specifications.append((specification, offset))
            return buffer.matrix(rows: specification.rows, columns: specification.columns, offset: offset)
        }
        self.configuration = configuration
        self.buffer = buffer
        self.specifications = specifications
    }

    /// A copy of a model's parameters, for training.
    public convenience init(copying transformer: Transformer) {
        self.init(zeros: transformer.configuration)
        for (specification, offset) in specifications {
            buffer.matrix(rows: specification.rows, columns: specification.columns, offset: offset)
                .copy(from: transformer.parameter(specification.role))
        }
    }

    /// A copy of a model's parameters as those of a model that may have more tokens.
    ///
    /// A row of embedding and head that is new is the mean of those that are there.
    public convenience init(copying transformer: Transformer, as configuration: TransformerConfiguration) {
        precondition(
            configuration.vocabulary >= transformer.configuration.vocabulary, "tokens can only be added")
        self.init(zeros: configuration)
        for (specification, offset) in specifications {
            let stored = transformer.parameter(specification.role)
            buffer.matrix(rows: stored.rows, columns: stored.columns, offset: offset).copy(from: stored)
            guard specification.rows > stored.rows else { continue }
            let elements = buffer.pointer + offset
            var mean = [Double](repeating: 0, count: stored.columns)
            for row in 0..<stored.rows {
                for column in mean.indices { mean[column] += Double(elements[row * stored.columns + column]) }
            }
            for row in stored.rows..<specification.rows {
                for column in mean.indices {
                    elements[row * stored.columns + column] = Float(mean[column] / Double(stored.rows))
                }
            }
        }
    }

    /// The elements of one parameter.
    public func elements(of index: Int) -> UnsafeMutableBufferPointer<Float> {
        let (specification, offset) = specifications[index]
        return UnsafeMutableBufferPointer(start: buffer.pointer + offset, count: specification.count)
    }
}

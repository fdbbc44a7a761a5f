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

    /// The elements of one parameter.
    public func elements(of index: Int) -> UnsafeMutableBufferPointer<Float> {
        let (specification, offset) = specifications[index]
        return UnsafeMutableBufferPointer(start: buffer.pointer + offset, count: specification.count)
    }
}

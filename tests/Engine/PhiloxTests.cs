namespace MiniTorch.Tests.Engine;

public sealed class PhiloxTests
{
    /// <summary>Known answers published with the generator (Random123, philox4x32-10).</summary>
    [Fact]
    public void Words_equal_the_published_answers()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Philox.Words(0, 0, 0, 0, 0));
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), Philox.Words(ulong.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue));
        Assert.Equal((0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u), Philox.Words(0x299f31d0a4093822, 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344));
    }

    [Fact]
    public void A_stream_has_the_moments_of_its_distributions()
    {
        const int Count = 200_000;
        RandomStream random = new(7, 3);
        double sum = 0, squares = 0, normal = 0, normalSquares = 0;
        int[] dice = new int[6];
        for (int i = 0; i < Count; i++)
        {
            double u = random.NextDouble(), n = random.NextNormal();
            Assert.InRange(u, 0, 1 - 1e-16);
            sum += u;
            squares += u * u;
            normal += n;
            normalSquares += n * n;
            dice[random.NextInt(6)]++;
        }
        Assert.Equal(0.5, sum / Count, 2e-3);
        Assert.Equal(1.0 / 3, squares / Count, 2e-3);
        Assert.Equal(0, normal / Count, 7e-3);
        Assert.Equal(1, normalSquares / Count, 1e-2);
        Assert.All(dice, static d => Assert.Equal(Count / 6.0, d, 700.0));
    }

    [Fact]
    public void Shuffle_is_a_permutation_that_depends_on_seed_stream_and_step_alone()
    {
        int[] Order(ulong seed, uint stream, ulong step)
        {
            int[] items = [.. Enumerable.Range(0, 100)];
            new RandomStream(seed, stream, step).Shuffle(items);
            return items;
        }
        int[] order = Order(1, 2, 3);
        Assert.Equal(Enumerable.Range(0, 100), order.Order());
        Assert.Equal(order, Order(1, 2, 3));
        Assert.NotEqual(order, Order(2, 2, 3));
        Assert.NotEqual(order, Order(1, 3, 3));
        Assert.NotEqual(order, Order(1, 2, 4));
    }
}

namespace MiniTorch.Models;

/// <summary>Where one thread changes a picture: the picture, room for its next form, and how pixels that move are drawn.</summary>
sealed class Canvas
{
    readonly Scaling scaling = new();

    /// <summary>The picture as it is now.</summary>
    internal Bitmap Picture { get; private set; } = new();

    /// <summary>Of the same kind, with undefined contents.</summary>
    internal Bitmap Other { get; private set; } = new();

    /// <summary>How values between pixels are found when pixels move.</summary>
    internal PictureFilter Filter { get; set; }

    /// <summary>What comes in where they move away.</summary>
    internal uint Fill { get; set; }

    internal void Warp(Warping warping)
    {
        warping.Apply(Picture, Other, Filter, Fill);
        Exchange();
    }

    /// <summary>Scales a part of the picture, as if it had been cut out before; see <see cref="Scaling.Scale"/>.</summary>
    internal void Scale((int X, int Y, int W, int H) part, int height, int width, PictureFilter filter) => Scale(part, height, width, filter, (0, 0, width, height));

    /// <summary>The same, of whose result only a window is kept.</summary>
    internal void Scale((int X, int Y, int W, int H) part, int height, int width, PictureFilter filter, (int X, int Y, int W, int H) window)
    {
        Other.Resize(window.H, window.W);
        scaling.Scale(Picture, part, height, width, filter, Other, window.X, window.Y);
        Exchange();
    }

    void Exchange() => (Picture, Other) = (Other, Picture);
}

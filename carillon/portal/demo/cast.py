"""Who and what the demo company is: Maison Verrier, opticians in Paris, Brussels and London."""

from __future__ import annotations

from dataclasses import dataclass

DOMAIN = "maison-verrier.example"
COMPANY = "Maison Verrier"


@dataclass(frozen=True, slots=True)
class Somebody:
    """One of the company. `phone` is the label of their phone, if they have one."""

    name: str
    role: str
    phone: str = ""
    available: bool = True

    @property
    def email(self) -> str:
        """Their e-mail; none for a phone on a wall."""
        if not self.role:
            return ""
        plain = self.name.lower().translate(str.maketrans("éèïëçô ", "eeieco."))
        return f"{plain}@{DOMAIN}"


PEOPLE = (
    Somebody("Claire Morel", "owner", "Bureau"),
    Somebody("Hugo Lambert", "administrator", "Comptoir 1"),
    Somebody("Inès Benali", "supervisor", "Comptoir 2"),
    Somebody("Paul Girard", "user", "Comptoir 3", available=False),
    Somebody("Nadia Roussel", "user", "SAV"),
    Somebody("Tom Leroy", "user", "Atelier"),
    Somebody("Élodie Faure", "user", "SAV 2"),
    Somebody("Céline Le Gouérec", "user"),
    Somebody("Salle de réunion", "", "Mural"),
)
TEAMS = {
    "Opticiens": ("Hugo Lambert", "Inès Benali", "Paul Girard"),
    "Atelier": ("Tom Leroy", "Céline Le Gouérec"),
    "SAV": ("Nadia Roussel", "Élodie Faure"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One number and its flow. Slots: days as digits, start and end in minutes. Share: of all calls."""

    name: str
    country: str
    share: int
    steps: tuple[tuple[str, int], ...]
    slots: tuple[tuple[str, int, int], ...] = ()
    greeting: str = ""
    no_answer: str = ""
    closed: str = ""
    voicemail_closed: bool = True
    recorded: bool = False


NUMBERS = (
    Line(
        "Accueil Paris",
        "FR",
        38,
        (("Claire Morel", 15), ("Opticiens", 25)),
        (("012345", 570, 750), ("012345", 840, 1140)),
        "Bonjour et bienvenue chez Maison Verrier. Un opticien va vous répondre.",
        "Tous nos opticiens sont avec un client. Laissez-nous votre nom et votre numéro après le "
        "bip, nous vous rappelons dans l'heure.",
        "La boutique est fermée. Elle ouvre du lundi au samedi à neuf heures trente. Vous pouvez "
        "laisser un message après le bip.",
    ),
    Line(
        "Service après-vente",
        "FR",
        24,
        (("SAV", 25), ("Nadia Roussel", 20)),
        (("01234", 540, 1080),),
        "Service après-vente de Maison Verrier. Cet appel est enregistré pour améliorer notre "
        "service.",
        recorded=True,
    ),
    Line("Atelier", "FR", 12, (("Atelier", 30),), (("01234", 480, 1020),)),
    Line("Claire – ligne directe", "FR", 8, (("Claire Morel", 25),)),
    Line(
        "Boutique Bruxelles",
        "BE",
        11,
        (("Opticiens", 20), ("Claire Morel", 15)),
        (("12345", 600, 1110),),
        "Bonjour, vous êtes chez Maison Verrier à Bruxelles.",
    ),
    Line(
        "London showroom",
        "GB",
        7,
        (("Inès Benali", 20),),
        (("01234", 600, 1020),),
        "Welcome to Maison Verrier, London. We will be with you in a moment.",
        closed="The showroom is closed. We are open on weekdays from ten to five.",
        voicemail_closed=False,
    ),
)
CALLERS = (
    "Sophie Delcourt",
    "Marc Tissier",
    "Clinique Saint-Roch",
    "Optique du Port",
    "Lunetterie Vidal",
    "Pierre-Adrien Lalande",
    "Dr Anne Kessler",
    "Mutuelle Horizon",
    "Verres Baltique",
    "Jeanne Aubry",
    "Cabinet Ortiz",
    "Mairie du 11e",
)
MESSAGES = (
    "Bonjour, c'est Sophie Delcourt. Je voudrais savoir si mes lunettes sont prêtes. Vous pouvez me "
    "rappeler cet après-midi. Merci, au revoir.",
    "Oui bonjour, Marc Tissier à l'appareil. Une branche de ma monture est cassée, est-ce que je "
    "peux passer demain matin ?",
    "Bonjour, je souhaite prendre rendez-vous pour un examen de vue, plutôt en fin de semaine. "
    "Merci de me rappeler.",
    "Bonjour, la mutuelle Horizon, au sujet du dossier de madame Aubry. Il nous manque "
    "l'ordonnance. Merci.",
    "Bonjour, ici les Verres Baltique. Votre commande part ce soir, vous l'aurez jeudi.",
    "Bonjour, je voulais connaître vos horaires de samedi. Je rappellerai.",
)
TALKS = (
    (
        (1, "Service après-vente, Nadia, bonjour."),
        (0, "Bonjour, j'ai acheté des lunettes le mois dernier et un verre est rayé."),
        (1, "Je suis désolée. Vous avez la garantie, nous changeons le verre. À quel nom ?"),
        (0, "Au nom de Lalande. Je peux passer quand ?"),
        (1, "Dès demain, dix heures. Comptez une semaine. À demain, monsieur Lalande."),
    ),
    (
        (1, "Service après-vente, bonjour, Élodie."),
        (0, "Bonjour, mes lunettes sont-elles arrivées ? Le nom est Kessler."),
        (1, "Oui, elles sont prêtes depuis ce matin."),
        (0, "Parfait, je viens les chercher. Merci, bonne journée."),
    ),
)
"""Lines of recorded calls: 0 the caller, 1 the one who answers."""

(* Algorithm 1 of Kingma & Ba (ICLR 2015) over the real numbers, for one coordinate.
   Steps are counted from 1 as in the paper: [g t] is the gradient of step t, and [g 0] is never
   read. A sequence of gradients is any function, so no law of the gradients is assumed.
   Coq's division is total: x / 0 is some real number, so 0 / 0 below reads "0 times something". *)

From Coq Require Import Reals Lra Lia.
Open Scope R_scope.

(** * The rule *)

Fixpoint m (b1 : R) (g : nat -> R) (t : nat) : R :=
  match t with
  | O => 0
  | S n => b1 * m b1 g n + (1 - b1) * g (S n)
  end.

Fixpoint v (b2 : R) (g : nat -> R) (t : nat) : R :=
  match t with
  | O => 0
  | S n => b2 * v b2 g n + (1 - b2) * g (S n) ^ 2
  end.

Definition m_hat (b1 : R) (g : nat -> R) (t : nat) : R := m b1 g t / (1 - b1 ^ t).

Definition v_hat (b2 : R) (g : nat -> R) (t : nat) : R := v b2 g t / (1 - b2 ^ t).

Definition Delta (alpha b1 b2 eps : R) (g : nat -> R) (t : nat) : R :=
  alpha * m_hat b1 g t / (sqrt (v_hat b2 g t) + eps).

Fixpoint theta (alpha b1 b2 eps theta0 : R) (g : nat -> R) (t : nat) : R :=
  match t with
  | O => theta0
  | S n => theta alpha b1 b2 eps theta0 g n - Delta alpha b1 b2 eps g (S n)
  end.

(** * Finite sums *)

(* f 1 + ... + f t *)
Fixpoint sum_to (f : nat -> R) (t : nat) : R :=
  match t with
  | O => 0
  | S n => sum_to f n + f (S n)
  end.

(* f 0 + ... + f (t-1) *)
Fixpoint sum_below (f : nat -> R) (t : nat) : R :=
  match t with
  | O => 0
  | S n => sum_below f n + f n
  end.

(** * Facts that every proof needs *)

Lemma pow_below_1 : forall b t, 0 <= b < 1 -> (1 <= t)%nat -> 0 <= b ^ t < 1.
Proof.
  intros b t Hb Ht. destruct t as [|n]; [lia|]. clear Ht.
  induction n as [|n IH]; [simpl; lra|].
  change (b ^ S (S n)) with (b * b ^ S n). nra.
Qed.

Lemma v_nonneg : forall b2 g t, 0 <= b2 <= 1 -> 0 <= v b2 g t.
Proof.
  intros b2 g t Hb. induction t as [|n IH]; simpl; [lra|].
  assert (0 <= g (S n) * (g (S n) * 1)) by nra. nra.
Qed.

Lemma v_hat_nonneg : forall b2 g t, 0 <= b2 < 1 -> (1 <= t)%nat -> 0 <= v_hat b2 g t.
Proof.
  intros b2 g t Hb Ht. unfold v_hat, Rdiv.
  apply Rmult_le_pos; [apply v_nonneg; lra|].
  pose proof (pow_below_1 b2 t Hb Ht). left. apply Rinv_0_lt_compat. lra.
Qed.

Lemma sum_below_shift : forall f t, sum_below f (S t) = f O + sum_below (fun k => f (S k)) t.
Proof.
  intros f t. induction t as [|n IH]; [simpl; lra|].
  change (sum_below f (S (S n))) with (sum_below f (S n) + f (S n)). rewrite IH. simpl. lra.
Qed.

Lemma sum_below_scale : forall c f t, sum_below (fun k => c * f k) t = c * sum_below f t.
Proof. intros c f t. induction t as [|n IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_below_ext : forall f h t,
  (forall k, (k < t)%nat -> f k = h k) -> sum_below f t = sum_below h t.
Proof.
  intros f h t. induction t as [|n IH]; intros H; [reflexivity|].
  simpl. rewrite IH by (intros; apply H; lia). rewrite H by lia. reflexivity.
Qed.

(* Reading a sum from its newest term: i = t - k. *)
Lemma sum_to_newest_first : forall f t,
  sum_to f t = sum_below (fun k => f (t - k)%nat) t.
Proof.
  intros f t. induction t as [|n IH]; [reflexivity|].
  rewrite sum_below_shift. simpl sum_to. rewrite IH.
  replace (S n - 0)%nat with (S n) by lia. rewrite Rplus_comm. reflexivity.
Qed.
